/** Checks of client frames (F), made once from the table of frames. */
import { HubError } from './errors.ts';
import type { ClientFrames } from './frame-types.ts';
import { CLIENT_FRAMES, type ClientFrameRow } from './frames.ts';
import {
  FRAME_ID,
  type ListType,
  type Members,
  type MemberType,
  type NumberType,
  type ObjectType,
  type StringType,
} from './member-types.ts';
import { isRoomName } from './room-name.ts';

/**
 * A client frame by its name in the table: all of its members are checked, and it has no others.
 */
export type CheckedFrame = {
  [N in keyof ClientFrames]: Omit<ClientFrames[N], 'type'> & { readonly name: N; readonly id: string | undefined };
}[keyof ClientFrames];

type Json = Readonly<Record<string, unknown>>;

/** Returns the value that the member has, or throws `INVALID_REQUEST`. */
type Check = (value: unknown) => unknown;

interface MemberCheck {
  readonly name: string;
  readonly isOptional: boolean;
  /** An object that is `null` counts as left out. */
  readonly takesNull: boolean;
  readonly check: Check;
}

interface FrameCheck {
  readonly name: keyof ClientFrames;
  readonly row: ClientFrameRow;
  readonly members: readonly MemberCheck[];
  /** Members that may be empty only beside another one. */
  readonly beside: readonly (readonly [member: string, other: string])[];
}

function invalid(message: string): HubError {
  return new HubError('INVALID_REQUEST', message);
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Whether a string has the limits of its type. */
function fits({ minLength = 0, maxLength = Number.POSITIVE_INFINITY, pattern, enum: values, wellFormed }: StringType) {
  const form = pattern === undefined ? undefined : new RegExp(pattern);
  return (text: string): boolean =>
    text.length >= minLength &&
    text.length <= maxLength &&
    (form?.test(text) ?? true) &&
    (values?.includes(text) ?? true) &&
    (wellFormed === undefined || text.isWellFormed());
}

function stringCheck(type: StringType, path: string): Check {
  const isFit = fits(type);
  const takes = type.takes ?? `one of ${type.enum?.join(', ')}`;
  return (value) => {
    if (typeof value !== 'string') throw invalid(`\`${path}\` must be a string`);
    if (!isFit(value)) throw invalid(`\`${path}\` must be ${takes}`);
    return value;
  };
}

function integerCheck({ minimum = 0, maximum = Number.MAX_SAFE_INTEGER }: NumberType, path: string): Check {
  return (value) => {
    if (typeof value !== 'number' || !Number.isInteger(value) || value < minimum || value > maximum)
      throw invalid(`\`${path}\` must be a whole number from ${minimum} to ${maximum}`);
    return value;
  };
}

function objectCheck(type: ObjectType, path: string): Check {
  const shape = notation(type.members);
  const members = checksOf(type.members, `${path}.`);
  return (value) => {
    if (!isObject(value)) throw invalid(`\`${path}\` must be ${shape}`);
    return checked(value, members);
  };
}

function listCheck({ items, minItems = 0, maxItems }: ListType, path: string): Check {
  const shape = items.type === 'object' ? notation(items.members) : items.type;
  const check = checkOf(items, path);
  return (value) => {
    if (!Array.isArray(value) || value.length < minItems || value.length > maxItems)
      throw invalid(`\`${path}\` must be a list of ${minItems}-${maxItems} ${shape}`);
    return value.map((item: unknown) => check(item));
  };
}

function valueCheck(isTaken: (value: unknown) => boolean, takes: string, path: string): Check {
  return (value) => {
    if (!isTaken(value)) throw invalid(`\`${path}\` must be ${takes}`);
    return value;
  };
}

/** The check of a member of this type. `path` names it in errors: `since.offset`. */
function checkOf(type: MemberType, path: string): Check {
  switch (type.type) {
    case 'string':
      return stringCheck(type, path);
    case 'integer':
      return integerCheck(type, path);
    case 'number':
      return valueCheck((value) => typeof value === 'number', 'a number', path);
    case 'object':
      return objectCheck(type, path);
    case 'array':
      return listCheck(type, path);
    case 'boolean':
      return valueCheck((value) => typeof value === 'boolean', 'true or false', path);
    case 'const':
      return valueCheck((value) => value === type.value, JSON.stringify(type.value), path);
    case 'any':
      return (value) => value;
  }
}

/** `path` stands before the names of the members in errors. */
function checksOf(members: Members, path: string): MemberCheck[] {
  return Object.entries(members).map(([name, type]) => ({
    name,
    isOptional: type.optional === true,
    takesNull: type.type === 'object',
    check: checkOf(type, path + name),
  }));
}

/** Checks the known members and returns them alone. */
function checked(value: Json, members: readonly MemberCheck[]): Record<string, unknown> {
  const taken: Record<string, unknown> = {};
  for (const { name, isOptional, takesNull, check } of members) {
    const given = value[name];
    if (isOptional && (given === undefined || (takesNull && given === null))) continue;
    taken[name] = check(given);
  }
  return taken;
}

function frameCheck(name: keyof ClientFrames, row: ClientFrameRow): FrameCheck {
  const beside = Object.entries(row.members).flatMap(([member, type]) =>
    type.type === 'string' && type.emptyBeside !== undefined ? [[member, type.emptyBeside] as const] : [],
  );
  return { name, row, members: checksOf(row.members, ''), beside };
}

/** The frames of each `type`. The one without a mark comes last. */
const BY_TYPE: ReadonlyMap<unknown, readonly FrameCheck[]> = Map.groupBy(
  Object.entries<ClientFrameRow>(CLIENT_FRAMES)
    .map(([name, row]) => frameCheck(name as keyof ClientFrames, row))
    .sort((one, other) => Number(one.row.mark === undefined) - Number(other.row.mark === undefined)),
  ({ name, row }) => row.type ?? name,
);

const TYPES = new Set(Object.entries<ClientFrameRow>(CLIENT_FRAMES).map(([name, { type = name }]) => type));

const isFrameId = fits(FRAME_ID);

/**
 * Returns the `id` of a parsed frame if it is valid, so that even an invalid frame gets its answer.
 */
export function frameId(value: unknown): string | undefined {
  if (!isObject(value)) return undefined;
  const { id } = value;
  return typeof id === 'string' && isFrameId(id) ? id : undefined;
}

/** Returns the room of a parsed frame if it names exactly one valid room (F4). */
export function frameRoom(value: unknown): string | undefined {
  if (!isObject(value) || value.to !== undefined || value.rooms !== undefined) return undefined;
  const room = value.type === 'message' ? (value.room ?? value.sessionId) : value.room;
  return typeof room === 'string' && isRoomName(room) ? room : undefined;
}

function isMarked(value: Json, { mark, unless }: ClientFrameRow): boolean {
  return mark === undefined || (value[mark] !== undefined && (unless === undefined || value[unless] === undefined));
}

/**
 * Checks a `message` with a room and a text alone, as the table does: most frames of most clients.
 * A test holds it against the table. Returns undefined for any other frame.
 */
function plainMessage({ type, id, room, to, text, data }: Json): CheckedFrame | undefined {
  if (type !== 'message' || to !== undefined || data !== undefined) return undefined;
  if (typeof text !== 'string' || text === '' || typeof room !== 'string' || !isRoomName(room)) return undefined;
  if (id === undefined) return { name: 'message', id, room, text };
  return typeof id === 'string' && isFrameId(id) ? { name: 'message', id, room, text } : undefined;
}

/**
 * Checks a parsed JSON value against the table of frames. Unknown members are ignored.
 * @throws HubError `INVALID_REQUEST`, naming the member and what it takes (F1).
 */
export function toClientFrame(value: unknown): CheckedFrame {
  if (!isObject(value)) throw invalid('a frame is a JSON object');
  return plainMessage(value) ?? checkedFrame(value);
}

function checkedFrame(value: Json): CheckedFrame {
  const id = frameId(value);
  if (value.id !== undefined && id === undefined) throw invalid(`\`id\` must be ${FRAME_ID.takes}`);
  const found = BY_TYPE.get(value.type)?.find(({ row }) => isMarked(value, row));
  if (found === undefined) throw invalid(`\`type\` must be one of ${[...TYPES].join(', ')}`);
  const { name, row, members, beside } = found;
  if (row.refuses !== undefined && value[row.refuses] !== undefined)
    throw invalid(`a ${row.type} names \`${row.refuses}\` or \`${row.mark}\`, not both`);
  const frame = checked(value, members);
  for (const [member, other] of beside)
    if (frame[member] === '' && frame[other] === undefined) throw invalid(`\`${member}\` may be empty only beside \`${other}\``);
  frame['name'] = name;
  frame['id'] = id;
  return frame as unknown as CheckedFrame;
}

/**
 * Returns the members of an object in short form. Objects inside it are written out `depth` levels
 * deep, except people (F8).
 */
export function notation(members: Members, depth = 0): string {
  return `{${Object.entries(members)
    .map(([name, type]) => `${name}${type.optional === true ? '?' : ''}${inside(type, depth)}`)
    .join()}}`;
}

function inside(type: MemberType, depth: number): string {
  if (type.type === 'const') return `:${JSON.stringify(type.value)}`;
  if (depth === 0) return '';
  if (type.type === 'object') return type.name === 'Person' ? '' : `:${notation(type.members, depth - 1)}`;
  const items = type.type === 'array' ? inside(type.items, depth) : '';
  return items === '' ? '' : `:[${items.slice(1)}]`;
}
