/**
 * The signals between nodes, over the topics of rooms (`r:<room>`) and of users (`u:<user>`). A
 * signal is delivered at most once and is not stored.
 *
 * A signal is UTF-8 text in one of three forms:
 * - `{...}`: a finished frame.
 * - `~<letter><fields>`: version 1. Each kind has its letter; a space ends each field but the last.
 * - `~<digit>...`: a later version, 2 to 9.
 *
 * During an upgrade nodes of two releases run beside each other. A node ignores a letter or a
 * version that it does not know. So a new kind takes a new letter, a changed form takes the next
 * version, and no letter is used again. Example: release 2 adds `~q<room>`. A node of release 1
 * that gets `~qden` counts it and goes on.
 *
 * To add a kind: its union member, its letter, a case in `encode` and one in its decoder, all here;
 * then its sender, and a case in `libs/hub/delivery/relay.ts` (rooms) or
 * `libs/hub/delivery/user-signals.ts` (users).
 */
import { buildFrame } from './server-frame.ts';

/** Why a room ended. */
export type EndReason = 'expired' | 'closed';

/**
 * Signals of a room's topic. `Frame` is text where a signal is sent, and bytes where one was
 * received. `count`: distinct users in the room afterwards. `user`: the JSON that `personJson`
 * makes.
 */
export type RoomSignal<Frame = Uint8Array> =
  /** A message of a room that keeps nothing. */
  | { readonly kind: 'frame'; readonly frame: Frame }
  | { readonly kind: 'entered' | 'left'; readonly count: number; readonly user: string }
  /** The count changed without anyone being named. */
  | { readonly kind: 'counted'; readonly count: number }
  /** Somebody types on `node`. That node has sent the frame to its own sockets. */
  | { readonly kind: 'typing'; readonly node: string; readonly frame: Frame }
  /** A service pushes a frame (A11). */
  | { readonly kind: 'pushed'; readonly frame: Frame }
  /** The room has ended. Members of private rooms get `privateClosed` instead. */
  | { readonly kind: 'closed'; readonly reason: EndReason };

/** Signals of a user's own topic (R5), and of the topic of every node (`EVERY_NODE`). */
export type UserSignal<Frame = Uint8Array> =
  /** A frame for every session of the user; on the topic of every node, for every session. */
  | { readonly kind: 'frame'; readonly frame: Frame }
  /** A message of a private room that keeps history. */
  | { readonly kind: 'stored'; readonly frame: Frame }
  /** A message of a private room that keeps a stream only, with the stream's epoch (M3). */
  | { readonly kind: 'streamed'; readonly epoch: string; readonly frame: Frame }
  /** A newer login of the user (R4). */
  | { readonly kind: 'login'; readonly login: string }
  /** A frame for the sessions with this label (A11). */
  | { readonly kind: 'session'; readonly session: string; readonly frame: Frame }
  /** The user's membership of a room has changed: ask the store. */
  | { readonly kind: 'membership'; readonly room: string }
  /** A private room has ended. On the wire it is the finished frame `room_closed`. */
  | { readonly kind: 'privateClosed'; readonly room: string; readonly reason: EndReason };

/** A signal that this release cannot read: its letter, its version or its fields are unknown. */
export interface UnknownSignal {
  readonly kind: 'unknown';
  /** 0 if the first byte names none. */
  readonly version: number;
  /** The letter as it came, if it is printable ASCII; otherwise empty. */
  readonly letter: string;
}

/** The user id whose topic every node listens to. It is nobody's id. */
export const EVERY_NODE = '';

const ROOM_LETTERS = {
  entered: '+',
  left: '-',
  counted: '=',
  typing: 't',
  pushed: 'i',
  closed: 'c',
} as const satisfies Record<Exclude<RoomSignal['kind'], 'frame'>, string>;

const USER_LETTERS = {
  stored: 'h',
  streamed: 'p',
  login: 'k',
  session: 's',
  membership: 'x',
} as const satisfies Record<Exclude<UserSignal['kind'], 'frame' | 'privateClosed'>, string>;

const LETTERS = { ...ROOM_LETTERS, ...USER_LETTERS };

const ROOM_KINDS = byLetter(ROOM_LETTERS);
const USER_KINDS = byLetter(USER_LETTERS);

/** First byte of a finished frame. */
const BRACE = 0x7b;
/** First byte of every other signal. */
const TILDE = 0x7e;
const SPACE = 0x20;
const ZERO = 0x30;
const NINE = 0x39;
/** Bytes before the fields: the tilde and the letter. */
const HEAD = 2;
/** How the frame of `privateClosed` begins. */
const CLOSED_HEAD = new TextEncoder().encode('{"type":"room_closed"');

const utf8 = new TextDecoder();

/** How the signals of a kind begin: the constant of Lua scripts that publish one. */
export function signalHead(kind: keyof typeof LETTERS): string {
  return `~${LETTERS[kind]}`;
}

/** A signal as it is published. */
export function encode(signal: RoomSignal<string> | UserSignal<string>): string {
  switch (signal.kind) {
    case 'frame':
      return signal.frame;
    case 'privateClosed':
      return buildFrame('room_closed', { room: signal.room, reason: signal.reason });
    case 'entered':
    case 'left':
      return `${signalHead(signal.kind)}${signal.count} ${signal.user}`;
    case 'counted':
      return `${signalHead('counted')}${signal.count}`;
    case 'typing':
      return `${signalHead('typing')}${signal.node} ${signal.frame}`;
    case 'pushed':
    case 'stored':
      return signalHead(signal.kind) + signal.frame;
    case 'closed':
      return signalHead('closed') + signal.reason;
    case 'streamed':
      return `${signalHead('streamed')}${signal.epoch} ${signal.frame}`;
    case 'login':
      return signalHead('login') + signal.login;
    case 'session':
      return `${signalHead('session')}${signal.session} ${signal.frame}`;
    case 'membership':
      return signalHead('membership') + signal.room;
  }
}

/**
 * Reads a signal of a room's topic. A `frame` is a view of `bytes`: it is not copied and not
 * parsed. Never throws.
 */
export function decodeRoomSignal(bytes: Uint8Array): RoomSignal | UnknownSignal {
  if (bytes[0] === BRACE) return { kind: 'frame', frame: bytes };
  const kind = kindOf(ROOM_KINDS, bytes);
  switch (kind) {
    case undefined:
      return unknown(bytes);
    case 'entered':
    case 'left': {
      const space = bytes.indexOf(SPACE, HEAD);
      const count = wholeNumber(bytes, space);
      return count === undefined ? unknown(bytes) : { kind, count, user: text(bytes, space + 1) };
    }
    case 'counted': {
      const count = wholeNumber(bytes, bytes.length);
      return count === undefined ? unknown(bytes) : { kind, count };
    }
    case 'typing': {
      const space = bytes.indexOf(SPACE, HEAD);
      return space < 0 ? unknown(bytes) : { kind, node: text(bytes, HEAD, space), frame: bytes.subarray(space + 1) };
    }
    case 'pushed':
      return { kind, frame: bytes.subarray(HEAD) };
    case 'closed':
      // A reason of a later release: the room is over all the same.
      return { kind, reason: text(bytes, HEAD) === 'expired' ? 'expired' : 'closed' };
  }
}

/**
 * Reads a signal of a user's topic. A `frame` is a view of `bytes`: it is not copied and not
 * parsed. Never throws.
 */
export function decodeUserSignal(bytes: Uint8Array): UserSignal | UnknownSignal {
  if (bytes[0] === BRACE)
    return CLOSED_HEAD.every((byte, index) => bytes[index] === byte) ? privateClosed(bytes) : { kind: 'frame', frame: bytes };
  const kind = kindOf(USER_KINDS, bytes);
  switch (kind) {
    case undefined:
      return unknown(bytes);
    case 'stored':
      return { kind, frame: bytes.subarray(HEAD) };
    case 'streamed': {
      const space = bytes.indexOf(SPACE, HEAD);
      return space < 0 ? unknown(bytes) : { kind, epoch: text(bytes, HEAD, space), frame: bytes.subarray(space + 1) };
    }
    case 'login':
      return { kind, login: text(bytes, HEAD) };
    case 'session': {
      const space = bytes.indexOf(SPACE, HEAD);
      return space < 0 ? unknown(bytes) : { kind, session: text(bytes, HEAD, space), frame: bytes.subarray(space + 1) };
    }
    case 'membership':
      return { kind, room: text(bytes, HEAD) };
  }
}

function byLetter<K extends string>(letters: Readonly<Record<K, string>>): ReadonlyMap<number, K> {
  return new Map((Object.keys(letters) as K[]).map((kind) => [letters[kind].charCodeAt(0), kind]));
}

function kindOf<K>(kinds: ReadonlyMap<number, K>, bytes: Uint8Array): K | undefined {
  return bytes[0] === TILDE ? kinds.get(bytes[1] ?? 0) : undefined;
}

function unknown(bytes: Uint8Array): UnknownSignal {
  const digit = bytes[1] ?? 0;
  const later = digit >= ZERO && digit <= NINE;
  const version = bytes[0] !== TILDE ? 0 : later ? digit - ZERO : 1;
  const letter = String.fromCharCode(bytes[version === 0 ? 0 : later ? HEAD : 1] ?? 0);
  return { kind: 'unknown', version, letter: /[!-~]/.test(letter) ? letter : '' };
}

function privateClosed(bytes: Uint8Array): UserSignal | UnknownSignal {
  try {
    const { room, reason } = JSON.parse(text(bytes, 0)) as { readonly room: string; readonly reason: string };
    return { kind: 'privateClosed', room, reason: reason === 'expired' ? 'expired' : 'closed' };
  } catch {
    return unknown(bytes);
  }
}

function text(bytes: Uint8Array, from: number, to?: number): string {
  return utf8.decode(bytes.subarray(from, to));
}

/** The digits from the fields' begin to `to`; undefined if they are no number. */
function wholeNumber(bytes: Uint8Array, to: number): number | undefined {
  if (to <= HEAD) return undefined;
  let number = 0;
  for (let index = HEAD; index < to; index += 1) {
    const digit = (bytes[index] ?? 0) - ZERO;
    if (digit < 0 || digit > 9) return undefined;
    number = number * 10 + digit;
  }
  return number;
}
