/**
 * Every frame of the wire contract (F), written once.
 *
 * These two tables are the source of the server's checks (`client-frame.ts`) and builders
 * (`server-frame.ts`), of the types of hub and client (`frame-types.ts`), of the AsyncAPI document
 * and of the tables of SPEC.md. After a change run `npm run generate`.
 */
import { HISTORY_LIMIT, JOIN_ROOMS_MAX, PAGE_MESSAGES } from './limits.ts';
import {
  BOOLEAN,
  CHAT_MESSAGE,
  COUNT,
  DATA,
  EPOCH,
  ERROR_CODE,
  FRAME_ID,
  JOIN_TARGET,
  type Members,
  OFFSET,
  optional,
  PAGE,
  PAGE_EVENT,
  PEOPLE,
  PERSON,
  POSITION,
  ROOM,
  ROOM_EVENT,
  SECONDS,
  STAMP,
  STRING,
  TEXT,
  UNIX_SECONDS,
  USER_ID,
  VERSION,
} from './member-types.ts';

interface Frame {
  /** The value of the member `type`, if it differs from the name in the table. */
  readonly type?: string;
  /** The members, in the order in which the hub writes them. */
  readonly members: Members;
  /** One sentence: the effect of the frame, or its cause. */
  readonly summary: string;
  /** Further sentences, for SPEC.md and the AsyncAPI document. */
  readonly detail?: string;
  /**
   * The members of an example, without `type`. Tests compare it with the checks and the schemas.
   */
  readonly example: Readonly<Record<string, unknown>>;
}

/** A frame that a client sends. Each may also have an `id`. */
export interface ClientFrameRow extends Frame {
  /** The server frame that answers it. Absent: only errors answer it. */
  readonly answer?: string;
  /**
   * The member that marks this frame, if several frames share a `type`. The first of them has no
   * mark.
   */
  readonly mark?: string;
  /** The hub refuses the frame if this member stands beside the mark. */
  readonly refuses?: string;
  /** With this member beside the mark, the frame counts as the first frame of its type. */
  readonly unless?: string;
}

/** A frame that the server sends. */
export interface ServerFrameRow extends Frame {
  /** Whether it is sent only as an answer. */
  readonly isAnswer?: true;
  /** Only connections that opted in to this feature get it. */
  readonly feature?: 'events';
}

/** By name: the frame's `type`. Further frames of one type have names of their own. */
export const CLIENT_FRAMES = {
  join: {
    members: { room: ROOM, since: optional(POSITION) },
    answer: 'joined',
    summary: 'Enters a room.',
    detail:
      'With `since`, the answer has what was missed; if `more` is true, the rest follows in further `joined` frames, before anything newer. Without `since`, it has the latest page. `messages` are oldest first, at most 100 and at most 64 KiB.',
    example: { id: '1', room: 'park', since: { epoch: 'k3f9', offset: 41 } },
  },
  join_many: {
    type: 'join',
    mark: 'rooms',
    refuses: 'room',
    members: { rooms: { type: 'array', items: JOIN_TARGET, minItems: 1, maxItems: JOIN_ROOMS_MAX } },
    answer: 'joined',
    summary: 'Enters up to 100 rooms; each gets its own answer.',
    detail: 'F3 counts it as one frame.',
    example: { id: '2', rooms: [{ room: 'park' }, { room: 'den', since: { epoch: 'k3f9', offset: 7 } }] },
  },
  leave: {
    members: { room: ROOM },
    answer: 'left',
    summary: 'Leaves a room.',
    detail: 'A `left` without an `id` comes unasked: the user is no longer a member and is out of the room.',
    example: { id: '3', room: 'park' },
  },
  message: {
    members: { room: ROOM, text: { ...TEXT, emptyBeside: 'data' }, data: optional(DATA) },
    answer: 'ack',
    summary: 'Publishes a message in a room.',
    detail: '`text` may be empty only beside `data`.',
    example: { id: '4', room: 'park', text: 'Hello', data: { mood: 'fine' } },
  },
  message_session: {
    type: 'message',
    mark: 'sessionId',
    unless: 'room',
    members: { sessionId: ROOM, text: { ...TEXT, emptyBeside: 'data' }, data: optional(DATA) },
    answer: 'ack',
    summary: 'The same; `sessionId` stands for `room`.',
    example: { id: '5', sessionId: 'conv:7f3a', text: 'Is somebody there?' },
  },
  message_direct: {
    type: 'message',
    mark: 'to',
    members: { to: USER_ID, text: { ...TEXT, emptyBeside: 'data' }, data: optional(DATA) },
    answer: 'ack',
    summary: 'Publishes a direct message to a user.',
    detail:
      'The first one makes the room of the two users; the `ack` names it. A user who was never here is `USER_NOT_FOUND`, a customer `FORBIDDEN` (R6).',
    example: { id: '6', to: 'bob', text: 'Only for you' },
  },
  history: {
    members: { room: ROOM, before: optional(OFFSET), limit: optional({ type: 'integer', minimum: 1, maximum: PAGE_MESSAGES }) },
    answer: 'history',
    summary: 'Reads a page of messages below the offset `before`, oldest first.',
    detail: `\`limit\` is 1-${PAGE_MESSAGES}, ${HISTORY_LIMIT} by default; a page has at most 64 KiB. A user may read the rooms that they may enter, and their own closed conversations (A10). Rooms that keep history return stored messages; the others return what their stream holds.`,
    example: { id: '7', room: 'park', before: 42, limit: 20 },
  },
  presence: {
    members: { room: ROOM },
    answer: 'presence',
    summary: 'Asks for the distinct users in a room (F8).',
    detail: '`users` are the first 100 by name (by code units) in rooms of up to 200, any 100 above.',
    example: { id: '8', room: 'park' },
  },
  query: {
    members: { query: { type: 'const', value: 'onLineNumber' } },
    answer: 'online',
    summary: 'Asks how many distinct users are online.',
    example: { id: '9', query: 'onLineNumber' },
  },
  delivered: {
    members: { room: ROOM, offset: OFFSET },
    summary: 'All messages up to `offset` reached this user (M6).',
    example: { room: 'dm:Jx0aW5nLWEtcm9vbS1pZC', offset: 12 },
  },
  typing: {
    members: { room: ROOM },
    summary: 'Tells the others that this user types, at most once a second.',
    example: { room: 'park' },
  },
  refresh: {
    members: { token: STRING },
    answer: 'refreshed',
    summary: 'Gives the connection a new token of the same user.',
    example: { id: '10', token: 'eyJhbGciOiJIUzI1NiJ9.e30.c2lnbmF0dXJl' },
  },
  ping: {
    members: {},
    answer: 'pong',
    summary: 'Asks for a sign of life, for clients that see no protocol pings.',
    example: { id: '11' },
  },
} as const satisfies Record<string, ClientFrameRow>;

const ID = optional(FRAME_ID);
const MORE = {
  ...BOOLEAN,
  description: 'There are more messages: a `joined` is followed by further ones, a `history` has older ones before it.',
};
const STREAM_OFFSET = { ...OFFSET, optional: true, description: 'Absent in rooms that keep nothing (R3).' } as const;
const MESSAGE = { id: 'UQ3n0Zb1', from: { id: 'ann', name: 'Ann', kind: 'user' }, text: 'Hello', at: 1_700_000_000_000 };
const ITEM = { offset: 41, message: MESSAGE };
const EVENT = {
  id: 'p9dK2mQa',
  kind: 'change',
  target: { offset: 41, id: 'UQ3n0Zb1' },
  version: 2,
  message: { ...MESSAGE, text: 'Hello, all' },
  at: 1_700_000_060_000,
};
const BOB = { id: 'bob', name: 'Bob', kind: 'guest' };

/** The frames of the server, by `type`. */
export const SERVER_FRAMES = {
  welcome: {
    members: {
      session: { type: 'string', description: "The tab's label (H1)." },
      user: { type: 'object', members: { id: STRING, name: STRING, kind: STRING } },
      node: STRING,
      online: { ...COUNT, description: 'Distinct users online.' },
      heartbeat: { type: 'number', description: 'Seconds between protocol pings.' },
      expiresAt: { ...UNIX_SECONDS, description: 'The end of the token, Unix seconds.' },
      limits: {
        type: 'object',
        members: {
          messageChars: { type: 'integer', description: 'The longest text, in code points (F2).' },
          conversationChars: { type: 'integer', description: 'The longest text in a conversation, in code points (F2).' },
          frameBytes: { type: 'integer' },
          rooms: { type: 'integer' },
        },
      },
      features: {
        type: 'array',
        items: STRING,
        maxItems: 16,
        description: 'Features that this connection opted in to (H2).',
      },
    },
    summary: 'The first frame (H6).',
    example: {
      session: '0b0e6a51-5b0c-4d4e-9d4f-0f6f4d1f8a11',
      user: { id: 'ann', name: 'Ann', kind: 'user' },
      node: 'node-1',
      online: 3,
      heartbeat: 16,
      expiresAt: 1_700_000_900,
      limits: { messageChars: 200, conversationChars: 2000, frameBytes: 32_768, rooms: 100 },
      features: ['events'],
    },
  },
  joined: {
    isAnswer: true,
    members: {
      id: ID,
      room: ROOM,
      count: COUNT,
      epoch: { ...EPOCH, optional: true, description: 'Absent, like `offset`, in rooms that keep nothing (R3).' },
      offset: optional(OFFSET),
      recovered: { ...BOOLEAN, description: '`messages` are exactly what was missed (M5).' },
      messages: PAGE,
      events: {
        type: 'array',
        items: PAGE_EVENT,
        maxItems: PAGE_MESSAGES,
        optional: true,
        description: 'With the feature `events` and `recovered`: the events between these messages (M7), oldest first.',
      },
      more: MORE,
    },
    summary: 'The room was entered.',
    example: { id: '1', room: 'park', count: 2, epoch: 'k3f9', offset: 41, recovered: false, messages: [ITEM], more: false },
  },
  left: {
    isAnswer: true,
    members: { id: ID, room: ROOM },
    summary: 'The room was left; without an `id`: the user was taken out of it.',
    example: { id: '3', room: 'park' },
  },
  ack: {
    isAnswer: true,
    members: {
      id: ID,
      room: ROOM,
      message: { type: 'object', members: { id: STRING, offset: STREAM_OFFSET, at: STAMP } },
    },
    summary: 'The message was taken; in a room that keeps history it is stored (M1).',
    example: { id: '4', room: 'park', message: { id: 'UQ3n0Zb1', offset: 41, at: 1_700_000_000_000 } },
  },
  history: {
    isAnswer: true,
    members: { id: ID, room: ROOM, messages: PAGE, more: MORE },
    summary: 'A page of messages.',
    example: { id: '7', room: 'park', messages: [ITEM], more: true },
  },
  presence: {
    isAnswer: true,
    members: { id: ID, room: ROOM, count: COUNT, users: PEOPLE },
    summary: 'The distinct users in the room.',
    example: { id: '8', room: 'park', count: 1, users: [BOB] },
  },
  message: {
    members: { offset: STREAM_OFFSET, room: ROOM, message: CHAT_MESSAGE },
    summary: "A message in a joined room or in a private one (R5), the user's own messages included.",
    detail: '`at` is in Unix milliseconds.',
    example: { offset: 41, room: 'park', message: MESSAGE },
  },
  event: {
    feature: 'events',
    members: { offset: OFFSET, room: ROOM, event: ROOM_EVENT },
    summary: "An event of a room's log that is no message, to connections with the feature `events` (M7).",
    example: { offset: 42, room: 'park', event: EVENT },
  },
  online: {
    members: { id: ID, count: COUNT },
    summary: 'The number of distinct users online changed (P4).',
    example: { count: 3 },
  },
  room_online: {
    members: { room: ROOM, count: COUNT },
    summary: 'The number of distinct users in a room changed (P4).',
    example: { room: 'park', count: 2 },
  },
  member: {
    members: { room: ROOM, action: { type: 'string', enum: ['joined', 'left'] }, user: PERSON },
    summary: 'A distinct user `joined` or `left` a room (of up to 200 users).',
    example: { room: 'park', action: 'joined', user: BOB },
  },
  resync: {
    members: { room: ROOM, epoch: EPOCH, offset: OFFSET, recovered: { type: 'const', value: false }, messages: PAGE },
    summary: "The room's sequence was lost: it goes on from here (M4).",
    example: { room: 'park', epoch: 'm801', offset: 41, recovered: false, messages: [ITEM] },
  },
  typing: {
    members: { room: ROOM, user: PERSON },
    summary: 'Somebody else types; it holds for a few seconds.',
    example: { room: 'park', user: BOB },
  },
  token_expiring: {
    members: { expiresAt: UNIX_SECONDS },
    summary: 'The token ends soon (F6): refresh it, or be closed with 4001.',
    example: { expiresAt: 1_700_000_900 },
  },
  kicked: {
    members: {
      reason: { type: 'string', description: '`SESSION_REPLACED`, `LOGGED_OUT`, `DISCONNECTED` or `BANNED`.' },
      by: { type: 'string', optional: true, description: 'The reason that a service gave, in full.' },
      until: { type: 'integer', optional: true, description: 'The end of the ban, Unix milliseconds; with `BANNED` only.' },
    },
    summary: 'Comes just before close 4509 or 4510.',
    example: { reason: 'DISCONNECTED', by: 'The shop is closed.' },
  },
  draining: {
    members: { reconnectIn: SECONDS },
    summary: 'Comes just before close 1012: connect again after so many seconds, spread over the drain window.',
    example: { reconnectIn: 1.25 },
  },
  error: {
    members: {
      id: ID,
      room: { ...ROOM, optional: true, description: 'The room that the refused frame named (F4).' },
      code: ERROR_CODE,
      message: { type: 'string', description: 'For people.' },
      retryable: { ...BOOLEAN, description: 'The same may succeed later.' },
      retryAfter: optional(SECONDS),
    },
    summary: 'A frame was refused; the connection lives.',
    example: { id: '4', room: 'park', code: 'RATE_LIMITED', message: 'Too many requests: slow down.', retryable: true, retryAfter: 2 },
  },
  offline_message: {
    members: { room: ROOM, offset: OFFSET, message: CHAT_MESSAGE, version: optional(VERSION) },
    summary: 'At connect: a message that came while the user had no session (M6).',
    example: { room: 'dm:Jx0aW5nLWEtcm9vbS1pZC', ...ITEM },
  },
  offline_messages_complete: {
    members: { count: { ...COUNT, description: 'The `offline_message` frames before it.' } },
    summary: 'All offline messages were sent.',
    example: { count: 1 },
  },
  matched: {
    members: { room: ROOM, with: PERSON },
    summary: 'A private pairing, to both (A9).',
    example: { room: 'pair:9c1e', with: BOB },
  },
  room_closed: {
    members: { room: ROOM, reason: { type: 'string', enum: ['expired', 'closed'] } },
    summary: 'The room `expired` or was `closed`: nobody is in it any longer.',
    example: { room: 'pair:9c1e', reason: 'expired' },
  },
  inform: {
    members: { code: optional(STRING), body: DATA },
    summary: 'A service pushed something that the client shows (A11).',
    example: { code: 'sale', body: { text: 'Everything at half price' } },
  },
  command: {
    members: { code: optional(STRING), body: DATA },
    summary: 'A service or the hub pushed something that the client acts on (A9, A10, A11).',
    example: { code: 'pair', body: { room: 'pair:9c1e', keepHistory: 'asked' } },
  },
  refreshed: {
    isAnswer: true,
    members: { id: ID, expiresAt: UNIX_SECONDS },
    summary: 'The new token is in use.',
    example: { id: '10', expiresAt: 1_700_001_800 },
  },
  pong: {
    isAnswer: true,
    members: { id: ID, at: STAMP },
    summary: "The hub's time.",
    example: { id: '11', at: 1_700_000_000_000 },
  },
} as const satisfies Record<string, ServerFrameRow>;
