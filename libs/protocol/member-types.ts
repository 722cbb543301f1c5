/**
 * The types of the members of frames, in the words of JSON Schema 2020-12 and a few additions. The
 * server's checks, the TypeScript types and the AsyncAPI document are all generated from them.
 */
import { ERRORS } from './errors.ts';
import { FRAME_ID_MAX, PAGE_MESSAGES, PRESENCE_NAMES, ROOM_NAME_MAX, USER_ID_MAX } from './limits.ts';
import { ROOM_NAME_PATTERN } from './room-name.ts';

interface Common {
  readonly description?: string;
  /** The member may be left out. */
  readonly optional?: true;
}

/** A string. */
export interface StringType extends Common {
  readonly type: 'string';
  /** UTF-16 units. */
  readonly minLength?: number;
  /** UTF-16 units. */
  readonly maxLength?: number;
  readonly pattern?: string;
  readonly enum?: readonly string[];
  /**
   * The values of this version. Later versions may add more, so the TypeScript type is `string`.
   */
  readonly known?: readonly string[];
  /** Refuses lone surrogates: in UTF-8 they all become the same character. */
  readonly wellFormed?: true;
  /** The string may be empty only if the frame has this member, too. */
  readonly emptyBeside?: string;
  /**
   * The requirement that an error states if one of these limits is broken. Needed with any limit
   * but `enum`.
   */
  readonly takes?: string;
}

/** A number. */
export interface NumberType extends Common {
  readonly type: 'integer' | 'number';
  readonly minimum?: number;
  readonly maximum?: number;
}

/** An object. */
export interface ObjectType extends Common {
  readonly type: 'object';
  /** The name of its TypeScript interface. Without one the type is written inline. */
  readonly name?: string;
  readonly members: Members;
}

/** A list. */
export interface ListType extends Common {
  readonly type: 'array';
  readonly items: MemberType;
  readonly minItems?: number;
  readonly maxItems: number;
}

/** The type of a member. */
export type MemberType =
  | StringType
  | NumberType
  | ObjectType
  | ListType
  | (Common & { readonly type: 'boolean' })
  /** Exactly this value. */
  | (Common & { readonly type: 'const'; readonly value: string | boolean })
  /** Any JSON value. */
  | (Common & { readonly type: 'any' });

/** The members of a frame or object, in the order in which they are written. */
export type Members = Readonly<Record<string, MemberType>>;

/** Returns the type of a member that may be left out. */
export function optional<T extends MemberType>(type: T): T & { readonly optional: true } {
  return { ...type, optional: true };
}

/** The `id` of a frame. */
export const FRAME_ID = {
  type: 'string',
  maxLength: FRAME_ID_MAX,
  wellFormed: true,
  takes: `a string of at most ${FRAME_ID_MAX} characters, well-formed Unicode`,
  description: "The client's own label; the answer has the same.",
} as const satisfies MemberType;

/** The name of a room. */
export const ROOM = {
  type: 'string',
  pattern: ROOM_NAME_PATTERN,
  takes: `1-${ROOM_NAME_MAX} of A-Z a-z 0-9 . _ ~ - , :`,
  description: 'The name of a room (R1).',
} as const satisfies MemberType;

/** The id of a user. */
export const USER_ID = {
  type: 'string',
  minLength: 1,
  maxLength: USER_ID_MAX,
  wellFormed: true,
  takes: `a user id of 1-${USER_ID_MAX} characters`,
  description: 'The id of a user.',
} as const satisfies MemberType;

/** The text of a message. */
export const TEXT = {
  type: 'string',
  description: 'At most MESSAGE_MAX_CHARS Unicode code points, in conversations 2,000 if that is more (F2).',
} as const satisfies MemberType;
/** The `data` of a message. */
export const DATA = { type: 'any', description: 'Any JSON value.' } as const satisfies MemberType;
/** True or false. */
export const BOOLEAN = { type: 'boolean' } as const satisfies MemberType;
/** Any string. */
export const STRING = { type: 'string' } as const satisfies MemberType;
/** A number of users. */
export const COUNT = { type: 'integer', minimum: 0, description: 'Distinct users.' } as const satisfies MemberType;
/** A time, in Unix milliseconds. */
export const STAMP = { type: 'integer', description: 'Unix milliseconds.' } as const satisfies MemberType;
/** A time, in Unix seconds. */
export const UNIX_SECONDS = { type: 'integer', description: 'Unix seconds.' } as const satisfies MemberType;
/** A duration, in seconds. */
export const SECONDS = { type: 'number', description: 'Seconds.' } as const satisfies MemberType;

/** A place in the log of a room (M3). */
export const OFFSET = {
  type: 'integer',
  minimum: 0,
  maximum: Number.MAX_SAFE_INTEGER,
  description: "A place in the room's sequence (M3).",
} as const satisfies MemberType;

/** The epoch of a room's log (M3). */
export const EPOCH = { type: 'string', description: 'Changes when the sequence was lost (M3).' } as const satisfies MemberType;

/** A code of the error table. */
export const ERROR_CODE = {
  type: 'string',
  known: Object.entries(ERRORS).flatMap(([code, { reply }]) => (reply ? [code] : [])),
  description: "A code of the contract's table of errors.",
} as const satisfies MemberType;

/** A user, as others see it. */
export const PERSON = {
  type: 'object',
  name: 'Person',
  description: 'Somebody, wherever one is named (F8).',
  members: {
    id: STRING,
    name: STRING,
    kind: {
      type: 'string',
      optional: true,
      description: "`user`, `guest`, `customer`, `agent`, `service`, or the word of the token's issuer (R6). Absent if it is not known.",
    },
  },
} as const satisfies ObjectType;

/** A position in the log of a room: epoch and offset. */
export const POSITION = {
  type: 'object',
  name: 'Position',
  description: "Somebody's place in a room's sequence: the last message seen (M5).",
  members: { epoch: EPOCH, offset: OFFSET },
} as const satisfies ObjectType;

/** A room to join, with the position after which to continue. */
export const JOIN_TARGET = {
  type: 'object',
  name: 'JoinTarget',
  description: 'A room to enter, and from where to recover it.',
  members: { room: ROOM, since: optional(POSITION) },
} as const satisfies ObjectType;

/** A message of a room. */
export const CHAT_MESSAGE = {
  type: 'object',
  name: 'ChatMessage',
  description: 'A message, as everybody in its room gets it.',
  members: {
    id: { type: 'string', description: 'The same in every copy of the message, however it comes (M2).' },
    from: PERSON,
    text: STRING,
    data: { type: 'any', optional: true, description: "Any JSON value: what the sender's program put beside the text." },
    at: STAMP,
  },
} as const satisfies ObjectType;

/** The version of a message's state (M7). */
export const VERSION = {
  type: 'integer',
  minimum: 1,
  description: 'Of the state of a message that an event changed (M7).',
} as const satisfies MemberType;

/** A message on a page. */
export const PAGE_MESSAGE = {
  type: 'object',
  name: 'PageMessage',
  description: 'A message on a page.',
  members: { offset: { ...OFFSET, minimum: 1 }, message: CHAT_MESSAGE, version: optional(VERSION) },
} as const satisfies ObjectType;

/** An event of a room's log that is no message (M7). */
export const ROOM_EVENT = {
  type: 'object',
  name: 'RoomEvent',
  description: "An event of a room's log that is no message (M7).",
  members: {
    id: { type: 'string', description: "The event's own id: the same in every copy." },
    kind: { type: 'string', description: 'What happened. Pass over a kind that you do not know.' },
    target: {
      type: 'object',
      optional: true,
      description: 'The message that the event changes.',
      members: { offset: { ...OFFSET, minimum: 1 }, id: STRING },
    },
    version: {
      ...VERSION,
      optional: true,
      description: "Of the target's state. It replaces a state that does not have a higher version.",
    },
    message: { ...CHAT_MESSAGE, optional: true, description: 'The whole state of the target after the event.' },
    at: STAMP,
  },
} as const satisfies ObjectType;

/** An event on a page. */
export const PAGE_EVENT = {
  type: 'object',
  name: 'PageEvent',
  description: 'An event on a page.',
  members: { offset: { ...OFFSET, minimum: 1 }, event: ROOM_EVENT },
} as const satisfies ObjectType;

/** A page of messages. */
export const PAGE = {
  type: 'array',
  items: PAGE_MESSAGE,
  maxItems: PAGE_MESSAGES,
  description: 'Oldest first.',
} as const satisfies MemberType;

/** A list of users. */
export const PEOPLE = { type: 'array', items: PERSON, maxItems: PRESENCE_NAMES } as const satisfies MemberType;
