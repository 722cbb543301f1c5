/**
 * Frames the hub sends, built as finished JSON text.
 *
 * A room message is built once, where it enters the hub, and crosses every node as these bytes. Its layout is therefore fixed:
 * `{"offset":N,` + tail, the tail ending in the 13 digits of the stamp and two braces. `publishedAt` and `pageItem` rely on it.
 */
import type { ErrorCode } from './errors.ts';
import type { Person } from './person.ts';

/** `,"id":...` where the client gave one. */
function idMember(id: string | undefined): string {
  return id === undefined ? '' : `,"id":${JSON.stringify(id)}`;
}

/** A room name needs no escaping: R1 allows no quote and no backslash. */
function messageHead(room: string): string {
  return `"room":"${room}","type":"message",`;
}

/** The `message` member and the frame's last brace: `sender` is made by `personJson`, `data` the JSON of the member or undefined, `at` Unix milliseconds. */
export function messageMember(id: string, sender: string, text: string, data: string | undefined, at: number): string {
  return `"message":{"id":"${id}","from":${sender},"text":${JSON.stringify(text)}${data === undefined ? '' : `,"data":${data}`},"at":${at}}}`;
}

/** What follows `{"offset":N,` in the `message` frame of a room that keeps a stream. */
export function messageTail(room: string, id: string, sender: string, text: string, data: string | undefined, at: number): string {
  return messageHead(room) + messageMember(id, sender, text, data, at);
}

/** The whole `message` frame of a room that keeps nothing: no offset (R3). */
export function liveMessage(room: string, id: string, sender: string, text: string, data: string | undefined, at: number): string {
  return `{${messageTail(room, id, sender, text, data, at)}`;
}

const ZERO = 0x30;
const QUOTE = 0x22;
const latin1 = new TextDecoder('latin1');
const STAMP_DIGITS = 13;
const STAMP_END = 2;

/** The publisher's stamp of a finished `message` frame, Unix milliseconds, read off its fixed place without parsing. */
export function publishedAt(frame: Uint8Array): number {
  const end = frame.length - STAMP_END;
  let at = 0;
  for (let index = end - STAMP_DIGITS; index < end; index += 1) at = at * 10 + (frame[index] ?? ZERO) - ZERO;
  return at;
}

/** Room and offset of a finished `message` frame of a room that keeps a stream, read off its head without parsing the rest. */
export function messageHeadOf(frame: Uint8Array): { readonly room: string; readonly offset: number } {
  let at = '{"offset":'.length;
  let offset = 0;
  for (let digit = frame[at] ?? 0; digit >= ZERO && digit <= ZERO + 9; digit = frame[at] ?? 0) {
    offset = offset * 10 + digit - ZERO;
    at += 1;
  }
  const from = at + ',"room":"'.length;
  return { room: latin1.decode(frame.subarray(from, frame.indexOf(QUOTE, from))), offset };
}

/** Where the `message` member of a finished frame begins: after `{"offset":N,` and the room and type members. */
export function messageStart(room: string, offset: number): number {
  return `{"offset":${offset},`.length + messageHead(room).length;
}

export interface Welcome {
  readonly session: string;
  readonly user: { readonly id: string; readonly name: string; readonly kind: string };
  readonly node: string;
  readonly online: number;
  /** Seconds between protocol pings of the hub. */
  readonly heartbeat: number;
  /** Unix seconds. */
  readonly expiresAt: number;
  readonly limits: { readonly messageChars: number; readonly frameBytes: number; readonly rooms: number };
}

export function welcome(frame: Welcome): string {
  return JSON.stringify({ type: 'welcome', ...frame });
}

export interface PageHead {
  readonly room: string;
  readonly epoch: string;
  readonly offset: number;
  readonly recovered: boolean;
}

/** `joined` up to where its messages follow: `joinedHead + '[' + items + ']' + joinedEnd`. */
export function joinedHead(id: string | undefined, count: number, head: PageHead): string {
  return `{"type":"joined"${idMember(id)},"room":"${head.room}","count":${count},"epoch":"${head.epoch}","offset":${head.offset},"recovered":${head.recovered},"messages":[`;
}

export function joinedEnd(more: boolean): string {
  return `],"more":${more}}`;
}

/** `resync` up to where its messages follow, closed by `]}` (M4). */
export function resyncHead(head: PageHead): string {
  return `{"type":"resync","room":"${head.room}","epoch":"${head.epoch}","offset":${head.offset},"recovered":false,"messages":[`;
}

/** `history` up to where its messages follow, closed by `joinedEnd`. */
export function historyHead(id: string | undefined, room: string): string {
  return `{"type":"history"${idMember(id)},"room":"${room}","messages":[`;
}

/** `joined` of a room that keeps nothing: no epoch, no offset, nothing recovered (R3). */
export function joinedLive(id: string | undefined, room: string, count: number): string {
  return `{"type":"joined"${idMember(id)},"room":"${room}","count":${count},"recovered":false,"messages":[],"more":false}`;
}

export function left(id: string | undefined, room: string): string {
  return `{"type":"left"${idMember(id)},"room":"${room}"}`;
}

/** `offset` is undefined in rooms that keep nothing. */
export function ack(id: string | undefined, room: string, messageId: string, offset: number | undefined, at: number): string {
  const place = offset === undefined ? '' : `"offset":${offset},`;
  return `{"type":"ack"${idMember(id)},"room":"${room}","message":{"id":"${messageId}",${place}"at":${at}}}`;
}

export function presenceFrame(id: string | undefined, room: string, count: number, users: readonly Person[]): string {
  return `{"type":"presence"${idMember(id)},"room":"${room}","count":${count},"users":${JSON.stringify(users)}}`;
}

export function online(count: number, id?: string): string {
  return `{"type":"online"${idMember(id)},"count":${count}}`;
}

export function roomOnline(room: string, count: number): string {
  return `{"type":"room_online","room":"${room}","count":${count}}`;
}

/** `user` is made by `personJson`. */
export function member(room: string, action: 'joined' | 'left', user: string): string {
  return `{"type":"member","room":"${room}","action":"${action}","user":${user}}`;
}

/** `user` is made by `personJson`. */
export function typing(room: string, user: string): string {
  return `{"type":"typing","room":"${room}","user":${user}}`;
}

export function refreshed(id: string | undefined, expiresAt: number): string {
  return `{"type":"refreshed"${idMember(id)},"expiresAt":${expiresAt}}`;
}

export function pong(id: string | undefined, at: number): string {
  return `{"type":"pong"${idMember(id)},"at":${at}}`;
}

export function tokenExpiring(expiresAt: number): string {
  return `{"type":"token_expiring","expiresAt":${expiresAt}}`;
}

/** A private pairing: sent to both (A9). */
export function matched(room: string, { id, name, kind }: Person): string {
  return JSON.stringify({ type: 'matched', room, with: { id, name, kind } });
}

/** The room is no more: nobody is in it any longer. */
export function roomClosed(room: string, reason: 'expired' | 'closed'): string {
  return `{"type":"room_closed","room":"${room}","reason":"${reason}"}`;
}

/** What a service pushes to be shown (A11). `body` is any JSON value. */
export function inform(code: string | undefined, body: unknown): string {
  return JSON.stringify({ type: 'inform', code, body });
}

/** What a service pushes to be acted on (A11). `body` is any JSON value. */
export function command(code: string | undefined, body: unknown): string {
  return JSON.stringify({ type: 'command', code, body });
}

/** A message that waited for its receiver (M6). `member` is what `messageMember` makes. */
export function offlineMessage(room: string, offset: number, member: string): string {
  return `{"type":"offline_message","room":"${room}","offset":${offset},${member}`;
}

export function offlineMessagesComplete(count: number): string {
  return `{"type":"offline_messages_complete","count":${count}}`;
}

/** Just before close 4509 or 4510. */
export function kicked(reason: string, by?: string): string {
  return JSON.stringify({ type: 'kicked', reason, by });
}

/** Just before close 1012: come back after this many seconds (D1). */
export function draining(reconnectIn: number): string {
  return `{"type":"draining","reconnectIn":${reconnectIn}}`;
}

/** `retryAfter` in seconds; `room`: the one that the refused frame names. */
export function errorFrame(
  id: string | undefined,
  code: ErrorCode,
  message: string,
  retryable: boolean,
  retryAfter?: number,
  room?: string,
): string {
  return JSON.stringify({ type: 'error', id, room, code, message, retryable, retryAfter });
}
