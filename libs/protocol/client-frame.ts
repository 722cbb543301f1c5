/** Frames a client sends (F), and how an untrusted JSON value becomes one. */
import { HubError } from './errors.ts';
import { FRAME_ID_MAX, JOIN_ROOMS_MAX, USER_ID_MAX } from './limits.ts';
import { isRoomName } from './room-name.ts';

export interface Since {
  readonly epoch: string;
  readonly offset: number;
}

export interface JoinTarget {
  readonly room: string;
  readonly since: Since | undefined;
}

/** A client frame whose every member has been checked. `id` is the client's own label for the answer. */
export type ClientFrame = { readonly id: string | undefined } & (
  | { readonly type: 'join'; readonly rooms: readonly JoinTarget[] }
  | { readonly type: 'leave'; readonly room: string }
  | { readonly type: 'message'; readonly room: string; readonly text: string; readonly data: unknown }
  | { readonly type: 'direct'; readonly to: string; readonly text: string; readonly data: unknown }
  | { readonly type: 'history'; readonly room: string; readonly before: number; readonly limit: number }
  | { readonly type: 'presence'; readonly room: string }
  | { readonly type: 'query' }
  | { readonly type: 'delivered'; readonly room: string; readonly offset: number }
  | { readonly type: 'typing'; readonly room: string }
  | { readonly type: 'refresh'; readonly token: string }
  | { readonly type: 'ping' }
);

type Json = Readonly<Record<string, unknown>>;

const HISTORY_LIMIT = 50;

function invalid(message: string): HubError {
  return new HubError('INVALID_REQUEST', message);
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function text(value: unknown, name: string): string {
  if (typeof value !== 'string') throw invalid(`\`${name}\` must be a string`);
  return value;
}

function roomName(value: unknown, name = 'room'): string {
  const room = text(value, name);
  if (!isRoomName(room)) throw invalid(`\`${name}\` must be 1-128 of A-Z a-z 0-9 . _ ~ - , :`);
  return room;
}

function wholeNumber(value: unknown, name: string, min: number, max: number): number {
  if (typeof value !== 'number' || !Number.isInteger(value) || value < min || value > max) {
    throw invalid(`\`${name}\` must be a whole number from ${min} to ${max}`);
  }
  return value;
}

function since(value: unknown): Since | undefined {
  if (value === undefined || value === null) return undefined;
  if (!isObject(value)) throw invalid('`since` must be {epoch,offset}');
  return { epoch: text(value.epoch, 'since.epoch'), offset: wholeNumber(value.offset, 'since.offset', 0, Number.MAX_SAFE_INTEGER) };
}

function joinTargets(frame: Json): JoinTarget[] {
  if (frame.rooms === undefined) return [{ room: roomName(frame.room), since: since(frame.since) }];
  if (frame.room !== undefined) throw invalid('a join names `room` or `rooms`, not both');
  if (!Array.isArray(frame.rooms) || frame.rooms.length === 0 || frame.rooms.length > JOIN_ROOMS_MAX) {
    throw invalid(`\`rooms\` must be a list of 1-${JOIN_ROOMS_MAX} {room,since?}`);
  }
  // A room that is named twice is one room, with one answer.
  const targets = new Map<string, JoinTarget>();
  for (const target of frame.rooms as unknown[]) {
    if (!isObject(target)) throw invalid('`rooms` must hold {room,since?}');
    const room = roomName(target.room, 'rooms.room');
    const from = since(target.since);
    if (!targets.has(room)) targets.set(room, { room, since: from });
  }
  return [...targets.values()];
}

function message(frame: Json, id: string | undefined): ClientFrame {
  const said = text(frame.text, 'text');
  const data = frame.data;
  if (said === '' && data === undefined) throw invalid('`text` may be empty only beside `data`');
  if (frame.to !== undefined) {
    const to = text(frame.to, 'to');
    if (to === '' || to.length > USER_ID_MAX || !to.isWellFormed())
      throw invalid(`\`to\` must be a user id of 1-${USER_ID_MAX} characters`);
    return { type: 'direct', id, to, text: said, data };
  }
  const room = frame.room === undefined && frame.sessionId !== undefined ? roomName(frame.sessionId, 'sessionId') : roomName(frame.room);
  return { type: 'message', id, room, text: said, data };
}

/** The `id` of a parsed frame where it has a valid one, so that even an invalid frame gets its answer. */
export function frameId(value: unknown): string | undefined {
  if (!isObject(value)) return undefined;
  const id = value.id;
  // UTF-8 cannot tell lone surrogates apart: two such ids would be one message.
  return typeof id === 'string' && id.length <= FRAME_ID_MAX && id.isWellFormed() ? id : undefined;
}

/** The room that a parsed frame names, if it names one alone and that is a name (F4). */
export function frameRoom(value: unknown): string | undefined {
  if (!isObject(value) || value.to !== undefined || value.rooms !== undefined) return undefined;
  const room = value.type === 'message' ? (value.room ?? value.sessionId) : value.room;
  return typeof room === 'string' && isRoomName(room) ? room : undefined;
}

/**
 * Checks a parsed JSON value against F. Unknown members are ignored.
 * @throws HubError `INVALID_REQUEST`, naming the member and what it takes (F1).
 */
export function toClientFrame(value: unknown): ClientFrame {
  if (!isObject(value)) throw invalid('a frame is a JSON object');
  const id = frameId(value);
  if (value.id !== undefined && id === undefined)
    throw invalid(`\`id\` must be a string of at most ${FRAME_ID_MAX} characters, well-formed Unicode`);
  switch (value.type) {
    case 'message':
      return message(value, id);
    case 'join':
      return { type: 'join', id, rooms: joinTargets(value) };
    case 'leave':
      return { type: 'leave', id, room: roomName(value.room) };
    case 'history':
      return {
        type: 'history',
        id,
        room: roomName(value.room),
        before: value.before === undefined ? Number.POSITIVE_INFINITY : wholeNumber(value.before, 'before', 0, Number.MAX_SAFE_INTEGER),
        limit: value.limit === undefined ? HISTORY_LIMIT : wholeNumber(value.limit, 'limit', 1, 100),
      };
    case 'presence':
      return { type: 'presence', id, room: roomName(value.room) };
    case 'query':
      if (value.query !== 'onLineNumber') throw invalid('`query` must be "onLineNumber"');
      return { type: 'query', id };
    case 'delivered':
      return { type: 'delivered', id, room: roomName(value.room), offset: wholeNumber(value.offset, 'offset', 0, Number.MAX_SAFE_INTEGER) };
    case 'typing':
      return { type: 'typing', id, room: roomName(value.room) };
    case 'refresh':
      return { type: 'refresh', id, token: text(value.token, 'token') };
    case 'ping':
      return { type: 'ping', id };
    default:
      throw invalid('`type` must be one of join, leave, message, history, presence, query, delivered, typing, refresh, ping');
  }
}
