/**
 * Frames that the hub sends, built as finished JSON text.
 *
 * `buildFrame` builds any frame of the table. Three are built by hand, because they are hot:
 * `message` and `ack` once for each message, `joined` once for each room of each connection that
 * comes back. By hand they cost 0.1-0.2 us, from the table 0.4-0.9 us. A test holds them against
 * the table.
 *
 * A publication of a room, a message or another event, is built once, where it enters the hub, and
 * crosses every node as these bytes. Its layout is therefore fixed: `{"offset":N,` + tail. The tail
 * of a message begins with the member `room`, that of another event with `type`. Both end in the 13
 * digits of the stamp and two braces. `publishedAt`, `frameHeadOf`, `isMessageFrame` and
 * `itemStart` rely on it.
 */
import type { Person, ServerFrames } from './frame-types.ts';
import { SERVER_FRAMES, type ServerFrameRow } from './frames.ts';

/** Finished JSON. A frame contains it unchanged. */
export class JsonText {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

/**
 * The members of a server frame, without `type`. Those that may be left out may also be undefined.
 */
export type FrameMembers<N extends keyof ServerFrames> = {
  readonly [K in keyof ServerFrames[N] as Exclude<K, 'type'>]:
    | ServerFrames[N][K]
    | JsonText
    | (object extends Pick<ServerFrames[N], K> ? undefined : never);
};

/** How the members of each frame begin, in the order of the table. */
const MEMBERS: ReadonlyMap<string, readonly (readonly [name: string, begin: string])[]> = new Map(
  Object.entries<ServerFrameRow>(SERVER_FRAMES).map(([type, { members }]) => [
    type,
    Object.keys(members).map((name) => [name, `,${JSON.stringify(name)}:`] as const),
  ]),
);

/**
 * Returns a frame as JSON: its members in the order of the table, without undefined ones and
 * without others.
 */
export function buildFrame<N extends keyof ServerFrames>(type: N, members: FrameMembers<N>): string {
  let text = `{"type":"${type}"`;
  for (const [name, begin] of MEMBERS.get(type) ?? []) {
    const value = members[name as keyof FrameMembers<N>] as unknown;
    if (value !== undefined) text += begin + (value instanceof JsonText ? value.text : JSON.stringify(value));
  }
  return `${text}}`;
}

/** A frame with `messages`. */
type PageType = 'joined' | 'resync' | 'history';

const NO_MESSAGES = new JsonText('[]');
const MESSAGES = '"messages":[';

/**
 * Returns a frame with `messages` in two parts: the text before the messages, and the text after
 * them.
 */
export function buildPage<N extends PageType>(type: N, members: Omit<FrameMembers<N>, 'messages'>): readonly [head: string, tail: string] {
  const text = buildFrame(type, { ...members, messages: NO_MESSAGES } as FrameMembers<N>);
  // In a string the quotes would be escaped, so this finds the member.
  const at = text.indexOf(MESSAGES) + MESSAGES.length;
  return [text.slice(0, at), text.slice(at)];
}

/** The member `id`, if the client gave one. */
function idMember(id: string | undefined): string {
  return id === undefined ? '' : `,"id":${JSON.stringify(id)}`;
}

/** Returns the `ack` frame. `offset` is undefined in rooms that keep nothing. */
export function ack(id: string | undefined, room: string, messageId: string, offset: number | undefined, at: number): string {
  const place = offset === undefined ? '' : `"offset":${offset},`;
  return `{"type":"ack"${idMember(id)},"room":"${room}","message":{"id":"${messageId}",${place}"at":${at}}}`;
}

/** The position of a room, for `joined`. */
export interface JoinedHead {
  readonly room: string;
  readonly count: number;
  readonly epoch: string;
  readonly offset: number;
  readonly recovered: boolean;
}

/** Returns `joined` up to its messages: `joinedHead + items + joinedEnd`. */
export function joinedHead(id: string | undefined, { room, count, epoch, offset, recovered }: JoinedHead): string {
  return `{"type":"joined"${idMember(id)},"room":"${room}","count":${count},"epoch":"${epoch}","offset":${offset},"recovered":${recovered},"messages":[`;
}

/**
 * @param events The items of the member `events` (M7), separated by commas; undefined without the
 *   feature.
 */
export function joinedEnd(more: boolean, events?: string): string {
  return events === undefined ? `],"more":${more}}` : `],"events":[${events}],"more":${more}}`;
}

/** Returns `joined` of a room that keeps nothing: no epoch, no offset, nothing recovered (R3). */
export function joinedLive(id: string | undefined, room: string, count: number): string {
  return `{"type":"joined"${idMember(id)},"room":"${room}","count":${count},"recovered":false,"messages":[],"more":false}`;
}

/** How the tail of an `event` frame begins. */
export function eventHead(room: string): string {
  return `"type":"event","room":"${room}",`;
}

/** A room name needs no escaping: R1 allows no quote and no backslash. */
function messageHead(room: string): string {
  return `"room":"${room}","type":"message",`;
}

/**
 * Returns the `message` member and the frame's last brace. `sender` is made by `personJson`. `data`
 * is JSON text or undefined. `at` is in Unix milliseconds.
 */
export function messageMember(id: string, sender: string, text: string, data: string | undefined, at: number): string {
  return `"message":{"id":"${id}","from":${sender},"text":${JSON.stringify(text)}${data === undefined ? '' : `,"data":${data}`},"at":${at}}}`;
}

/** Returns the message of a finished `message` member, for another frame. */
export function messageOf(member: string): JsonText {
  return new JsonText(member.slice('"message":'.length, -1));
}

/** Returns the rest of a `message` frame after `{"offset":N,`, for a room that keeps a stream. */
export function messageTail(room: string, id: string, sender: string, text: string, data: string | undefined, at: number): string {
  return messageHead(room) + messageMember(id, sender, text, data, at);
}

/** Returns the whole `message` frame of a room that keeps nothing: no offset (R3). */
export function liveMessage(room: string, id: string, sender: string, text: string, data: string | undefined, at: number): string {
  return `{${messageTail(room, id, sender, text, data, at)}`;
}

const ZERO = 0x30;
const QUOTE = 0x22;
/** The second character of `"type"`. */
const TYPE_START = 0x74;
const latin1 = new TextDecoder('latin1');
const STAMP_DIGITS = 13;
const STAMP_END = 2;

/** Reads the publisher's stamp of a finished frame from its fixed place, Unix milliseconds. */
export function publishedAt(frame: Uint8Array): number {
  const end = frame.length - STAMP_END;
  let at = 0;
  for (let index = end - STAMP_DIGITS; index < end; index += 1) at = at * 10 + (frame[index] ?? ZERO) - ZERO;
  return at;
}

/** Where the tail of a finished frame begins. */
function tailStart(frame: Uint8Array): number {
  let at = '{"offset":'.length;
  for (let digit = frame[at] ?? 0; digit >= ZERO && digit <= ZERO + 9; digit = frame[at] ?? 0) at += 1;
  return at + 1;
}

/**
 * Whether a publication is a message. Any other is an event of a kind that this version may not
 * know (M7).
 */
export function isMessageFrame(frame: Uint8Array): boolean {
  return frame[tailStart(frame) + 1] !== TYPE_START;
}

/** Room and offset of a publication, read off its head without parsing the rest. */
export function frameHeadOf(frame: Uint8Array): { readonly room: string; readonly offset: number } {
  const tail = tailStart(frame);
  const offset = Number(latin1.decode(frame.subarray('{"offset":'.length, tail - 1)));
  const from = tail + (isMessageFrame(frame) ? messageHead('') : eventHead('')).indexOf('"room":"') + '"room":"'.length;
  return { room: latin1.decode(frame.subarray(from, frame.indexOf(QUOTE, from))), offset };
}

/** Where the member `message`, or `event`, of a publication begins. */
export function itemStart(room: string, frame: Uint8Array): number {
  return tailStart(frame) + (isMessageFrame(frame) ? messageHead(room) : eventHead(room)).length;
}

/** The JSON of a sender up to the end of the id. */
function senderStart(user: string): string {
  return `{"id":${JSON.stringify(user)},`;
}

/**
 * Whether the JSON of a message (`{"id":...,"from":...`) is of this user. A message's own id has no
 * quotes in it.
 */
export function isOwnMessage(message: string, user: string): boolean {
  const from = '"from":';
  const at = message.indexOf(from);
  return at >= 0 && message.startsWith(senderStart(user), at + from.length);
}

/** Returns the JSON of a person. The id comes first: `isOwnMessage` and the store read it there. */
export function personJson({ id, name, kind }: Person): string {
  return JSON.stringify({ id, name, kind });
}
