/** The schemas of rooms, people, messages and frames in the API's bodies and documents. */
import { type Static, Type } from '@sinclair/typebox';
import type { FastifyRequest } from 'fastify';
import type { Credentials } from '#libs/auth/credentials.ts';
import { HubError } from '#libs/protocol/errors.ts';
import type { PageMessage, Person } from '#libs/protocol/frame-types.ts';
import { USER_ID_MAX } from '#libs/protocol/limits.ts';
import { type Members, type MemberType, PAGE_MESSAGE, PERSON, ROOM } from '#libs/protocol/member-types.ts';
import { nameFault, tidyName } from '#libs/protocol/name-text.ts';
import { LISTED_KINDS, type ListedRoomKind } from '#libs/protocol/room-kinds.ts';

/** The schema of a room name (R1). */
export const RoomName = Type.Unsafe<string>(memberSchema(ROOM));

/**
 * The schema of a user id: 1-128 printable characters without spaces, as in the `sub` of a token
 * (H3).
 */
export const UserId = Type.String({
  maxLength: 2 * USER_ID_MAX,
  pattern: `^[\\p{L}\\p{M}\\p{N}\\p{P}\\p{S}]{1,${USER_ID_MAX}}$`,
  description: 'The id of a user.',
});

/** The schema of a person (F8). */
export const PersonView = Type.Unsafe<Person>(memberSchema(PERSON));

/** The schema of a path with a room. */
export const RoomPath = Type.Object({ room: RoomName });
/** The parameters of a path with a room. */
export type RoomPath = Static<typeof RoomPath>;

const Milliseconds = (description: string) => Type.Integer({ description: `${description}, Unix milliseconds.` });

/** The kinds of rooms that lists contain: all but open rooms that exist by their name alone. */
const ListedKind = Type.Unsafe<ListedRoomKind>(Type.Union(LISTED_KINDS.map((kind) => Type.Literal(kind))));

/** The schema of a room in lists and answers. */
export const RoomView = Type.Object(
  {
    room: RoomName,
    kind: ListedKind,
    name: Type.String({ description: 'The displayed name. A private room has the name of the other member.' }),
    owner: Type.Optional(Type.String({ description: 'The id of the user who may change it.' })),
    with: Type.Optional(PersonView),
    keepHistory: Type.Boolean(),
    historyWish: Type.Optional(
      Type.Union([Type.Literal('mine'), Type.Literal('theirs')], {
        description: 'The member of a pair without history who asked for it.',
      }),
    ),
    createdAt: Type.Optional(Milliseconds('The time of its creation')),
    expiresAt: Type.Optional(Milliseconds('The time at which it closes by itself')),
    closedAt: Type.Optional(Milliseconds('The time at which it ended; absent while it is open')),
    count: Type.Integer({ description: 'Distinct users in the room now; in a private room, members online.' }),
    members: Type.Optional(Type.Integer({ description: 'Members, online or not.' })),
    offset: Type.Integer({ description: 'The highest stored offset.' }),
    unread: Type.Integer({ description: 'Stored messages of others that were not delivered to me; 0 in the park.' }),
    delivered: Type.Optional(
      Type.Integer({
        description: 'The offset up to which its messages were delivered to me. Absent in the park, and where no history is kept.',
      }),
    ),
  },
  { title: 'Room', description: 'A room.' },
);

/** The schema of a stored message, as in the frame `history`. */
export const MessageItem = Type.Unsafe<PageMessage>(memberSchema(PAGE_MESSAGE));

/** Longest title, Unicode code points. */
const TITLE_MAX = 60;

/**
 * Returns the name of a group or the subject of a conversation in the form that is stored. The
 * error names `member`. Each word of a group's name must be of one script; a subject may mix them,
 * because it is free text.
 *
 * @throws HubError `INVALID_REQUEST`; the message says why.
 */
export function toTitle(text: string, member: 'name' | 'subject'): string {
  const title = tidyName(text.slice(0, TEXT_MAX));
  const fault =
    text.length > TEXT_MAX
      ? `has at most ${TITLE_MAX} characters`
      : nameFault(title, { max: TITLE_MAX, script: member === 'name' ? 'words' : 'any' });
  if (fault !== undefined) throw new HubError('INVALID_REQUEST', `\`${member}\` ${fault}`);
  return title;
}

/** Longest text that is examined, UTF-16 code units. */
const TEXT_MAX = 4000;

/** Returns the user of a token as a member of a room. */
export function memberOf({ userId, name, kind }: Pick<Credentials, 'userId' | 'name' | 'kind'>): Person {
  return { id: userId, name, kind };
}

/**
 * A `preValidation` hook for routes whose members are all optional: a missing body counts as `{}`.
 */
export async function optionalBody(request: FastifyRequest): Promise<void> {
  request.body ??= {};
}

/** A JSON Schema as a plain object. */
export type JsonSchema = Readonly<Record<string, unknown>>;

/**
 * Returns the schema of an object. Unknown members are allowed: both sides ignore them, so each may
 * add members.
 */
function objectSchema(members: Members): JsonSchema {
  const types = Object.entries(members);
  return {
    type: 'object',
    properties: Object.fromEntries(types.map(([name, type]) => [name, memberSchema(type)])),
    required: types.filter(([, type]) => type.optional !== true).map(([name]) => name),
  };
}

/** Returns the schema of one member. */
function memberSchema({ optional: _, ...type }: MemberType): JsonSchema {
  const description = type.description === undefined ? {} : { description: type.description };
  switch (type.type) {
    case 'string': {
      const { known, wellFormed, emptyBeside, takes, ...schema } = type;
      return known === undefined ? schema : { ...schema, enum: known };
    }
    case 'integer':
    case 'number':
    case 'boolean':
      return type;
    case 'const':
      return { const: type.value, type: typeof type.value, ...description };
    case 'any':
      return description;
    case 'object':
      return { ...objectSchema(type.members), ...(type.members === PERSON.members ? { title: 'Person' } : {}), ...description };
    case 'array':
      return { ...type, items: memberSchema(type.items) };
  }
}

/** Returns the schema of a frame: its members, and the rules between them. */
export function frameSchema(type: string, members: Members): JsonSchema {
  const { properties, required, ...object } = objectSchema(members) as {
    readonly properties: object;
    readonly required: readonly string[];
  };
  const rules = Object.entries(members).flatMap(([name, member]) =>
    member.type === 'string' && member.emptyBeside !== undefined
      ? [{ anyOf: [{ properties: { [name]: { minLength: 1 } } }, { required: [member.emptyBeside] }] }]
      : [],
  );
  return {
    ...object,
    properties: { type: { const: type, type: 'string' }, ...properties },
    required: ['type', ...required],
    additionalProperties: true,
    ...(rules.length === 0 ? {} : { allOf: rules }),
  };
}
