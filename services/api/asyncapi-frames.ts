/** Every frame of the wire contract (F) as a schema. The AsyncAPI document is made from these; tests hold them against what the hub takes and builds. */
import { type TObject, type TProperties, Type } from '@sinclair/typebox';
import { ERRORS } from '#libs/protocol/errors.ts';
import { FRAME_ID_MAX, JOIN_ROOMS_MAX, PAGE_MESSAGES, PRESENCE_NAMES, USER_ID_MAX } from '#libs/protocol/limits.ts';
import { MessageItem, PersonView, RoomName } from './room-schemas.ts';

const FrameId = Type.String({ maxLength: FRAME_ID_MAX, description: "The client's own label; it comes back in the answer." });
const Offset = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER });
const Count = Type.Integer({ minimum: 0 });
const Since = Type.Object({ epoch: Type.String(), offset: Offset }, { description: 'The last position the client has seen (M5).' });
const Stamp = Type.Integer({ description: 'Unix milliseconds.' });
const Epoch = Type.String({ description: 'Changes when the sequence was lost (M3).' });
const UnixSeconds = Type.Integer({ description: 'Unix seconds.' });
const Text = Type.String({ description: 'At most MESSAGE_MAX_CHARS Unicode code points (F2).' });
const Data = Type.Unknown({ description: 'Anything in JSON.' });
const Items = Type.Array(MessageItem, { maxItems: PAGE_MESSAGES, description: 'Oldest first.' });
const Recipient = Type.String({ minLength: 1, maxLength: USER_ID_MAX, description: 'A user id.' });

/** Unknown members are ignored by either side, so that both may grow. */
function frame(type: string, description: string, members: TProperties, title = type): TObject {
  return Type.Object({ type: Type.Literal(type), ...members }, { title, description, additionalProperties: true });
}

/** A frame that may carry an `id`. */
function labelled(type: string, description: string, members: TProperties, title = type): TObject {
  return frame(type, description, { id: Type.Optional(FrameId), ...members }, title);
}

/** By the name of the message in the document. Several forms of one `type` have names of their own. */
export const CLIENT_FRAMES = {
  join: labelled('join', 'Enter a room. Answered by `joined`.', { room: RoomName, since: Type.Optional(Since) }),
  join_many: labelled(
    'join',
    'Enter many rooms with one frame. A `joined` answers for each.',
    {
      rooms: Type.Array(Type.Object({ room: RoomName, since: Type.Optional(Since) }), { minItems: 1, maxItems: JOIN_ROOMS_MAX }),
    },
    'join_many',
  ),
  leave: labelled('leave', 'Leave a room. Answered by `left`.', { room: RoomName }),
  message: labelled('message', 'Say something in a room. Answered by `ack`.', { room: RoomName, text: Text, data: Type.Optional(Data) }),
  message_session: labelled(
    'message',
    'Say something in a conversation: `sessionId` stands for `room`.',
    { sessionId: RoomName, text: Text, data: Type.Optional(Data) },
    'message_session',
  ),
  message_direct: labelled(
    'message',
    'Say something to one user, in the direct room of the two.',
    { to: Recipient, text: Text, data: Type.Optional(Data) },
    'message_direct',
  ),
  history: labelled('history', 'A page of stored messages. Answered by `history`.', {
    room: RoomName,
    before: Type.Optional(Offset),
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: PAGE_MESSAGES })),
  }),
  presence: labelled('presence', 'Who is in a room. Answered by `presence`.', { room: RoomName }),
  query: labelled('query', 'How many users are online. Answered by `online`.', { query: Type.Literal('onLineNumber') }),
  delivered: labelled('delivered', 'Everything up to the offset reached this user (M6).', { room: RoomName, offset: Offset }),
  typing: labelled('typing', 'Told to the others, at most once a second.', { room: RoomName }),
  refresh: labelled('refresh', 'A new token of the same user. Answered by `refreshed`.', { token: Type.String() }),
  ping: labelled('ping', 'For clients that see no protocol pings. Answered by `pong`.', {}),
} as const satisfies Record<string, TObject>;

const User = Type.Object({ id: Type.String(), name: Type.String(), kind: Type.String() });
const More = Type.Boolean({ description: 'The rest follows in further frames, or older ones exist.' });

export const SERVER_FRAMES = {
  welcome: frame('welcome', 'The first frame (H6).', {
    session: Type.String(),
    user: User,
    node: Type.String(),
    online: Count,
    heartbeat: Type.Number({ description: 'Seconds between protocol pings.' }),
    expiresAt: UnixSeconds,
    limits: Type.Object({ messageChars: Type.Integer(), frameBytes: Type.Integer(), rooms: Type.Integer() }),
  }),
  joined: labelled(
    'joined',
    'The room was entered: what was missed, or the latest page. Rooms that keep nothing have no epoch and no offset.',
    {
      room: RoomName,
      count: Count,
      epoch: Type.Optional(Epoch),
      offset: Type.Optional(Offset),
      recovered: Type.Boolean(),
      messages: Items,
      more: More,
    },
  ),
  left: labelled('left', 'The room was left.', { room: RoomName }),
  ack: labelled('ack', 'The message was taken; in a room with history it is stored (M1).', {
    room: RoomName,
    message: Type.Object({ id: Type.String(), offset: Type.Optional(Offset), at: Stamp }),
  }),
  history: labelled('history', 'A page of stored messages, oldest first.', { room: RoomName, messages: Items, more: More }),
  presence: labelled('presence', 'Distinct users in the room, and the first by name.', {
    room: RoomName,
    count: Count,
    users: Type.Array(PersonView, { maxItems: PRESENCE_NAMES }),
  }),
  message: frame('message', 'Somebody spoke; the own words come too. Rooms that keep nothing have no offset.', {
    offset: Type.Optional(Offset),
    room: RoomName,
    message: MessageItem.properties.message,
  }),
  offline_message: frame('offline_message', 'What came while the user had no session (M6).', {
    room: RoomName,
    offset: Offset,
    message: MessageItem.properties.message,
  }),
  offline_messages_complete: frame('offline_messages_complete', 'All offline messages were sent.', { count: Count }),
  online: labelled('online', 'Distinct users online: changed (P4), or asked for.', { count: Count }),
  room_online: frame('room_online', 'Distinct users of a room changed (P4).', { room: RoomName, count: Count }),
  member: frame('member', 'A distinct user came or went (rooms of up to 200 users).', {
    room: RoomName,
    action: Type.Union([Type.Literal('joined'), Type.Literal('left')]),
    user: PersonView,
  }),
  matched: frame('matched', 'A pair was made (A9).', { room: RoomName, with: PersonView }),
  resync: frame('resync', 'The sequence of a joined room was lost: it goes on from here (M4).', {
    room: RoomName,
    epoch: Epoch,
    offset: Offset,
    recovered: Type.Literal(false),
    messages: Items,
  }),
  room_closed: frame('room_closed', 'The room is over.', {
    room: RoomName,
    reason: Type.Union([Type.Literal('expired'), Type.Literal('closed')]),
  }),
  typing: frame('typing', 'Somebody types.', { room: RoomName, user: PersonView }),
  inform: frame('inform', 'A service has something to show (A11).', { code: Type.Optional(Type.String()), body: Data }),
  command: frame('command', 'Something to act on, from a service or the hub (A10, A11).', {
    code: Type.Optional(Type.String()),
    body: Data,
  }),
  token_expiring: frame('token_expiring', 'Refresh the token, or be closed with 4001.', { expiresAt: UnixSeconds }),
  kicked: frame('kicked', 'Just before 4509 or 4510.', { reason: Type.String(), by: Type.Optional(Type.String()) }),
  draining: frame('draining', 'Just before 1012.', { reconnectIn: Type.Number({ description: 'Seconds.' }) }),
  refreshed: labelled('refreshed', 'The new token is in use.', { expiresAt: UnixSeconds }),
  pong: labelled('pong', 'The answer to `ping`.', { at: Stamp }),
  error: labelled('error', 'The answer to a frame that was refused; the connection lives.', {
    room: Type.Optional(RoomName),
    code: Type.String({
      enum: Object.entries(ERRORS).flatMap(([code, { reply }]) => (reply ? [code] : [])),
    }),
    message: Type.String(),
    retryable: Type.Boolean(),
    retryAfter: Type.Optional(Type.Number({ description: 'Seconds.' })),
  }),
} as const satisfies Record<string, TObject>;
