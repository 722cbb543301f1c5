/** How rooms, people and messages look in the API's bodies. */
import { type Static, Type } from '@sinclair/typebox';
import type { FastifyRequest } from 'fastify';
import type { Credentials } from '#libs/auth/credentials.ts';
import { HubError } from '#libs/protocol/errors.ts';
import type { PageMessage, Person } from '#libs/protocol/frame-types.ts';
import { USER_ID_MAX } from '#libs/protocol/limits.ts';
import { type Members, type MemberType, PAGE_MESSAGE, PERSON, ROOM } from '#libs/protocol/member-types.ts';
import { nameFault, tidyName } from '#libs/protocol/name-text.ts';
import { LISTED_KINDS, type ListedRoomKind } from '#libs/protocol/room-kinds.ts';

/** R1. */
export const RoomName = Type.Unsafe<string>(memberSchema(ROOM));

/** 1-128 printable characters without spaces, as in the `sub` of a token. */
export const UserId = Type.String({
  maxLength: 2 * USER_ID_MAX,
  pattern: `^[\\p{L}\\p{M}\\p{N}\\p{P}\\p{S}]{1,${USER_ID_MAX}}$`,
  description: 'The id of a user.',
});

/** F8. */
export const PersonView = Type.Unsafe<Person>(memberSchema(PERSON));

export const RoomPath = Type.Object({ room: RoomName });
export type RoomPath = Static<typeof RoomPath>;

const Milliseconds = (description: string) => Type.Integer({ description: `${description}, Unix milliseconds.` });

/** Rooms that are listed: all but those that are there by their name alone. */
const ListedKind = Type.Unsafe<ListedRoomKind>(Type.Union(LISTED_KINDS.map((kind) => Type.Literal(kind))));

export const RoomView = Type.Object(
  {
    room: RoomName,
    kind: ListedKind,
    name: Type.String({ description: 'What people call it. A private room has the name of the other one.' }),
    owner: Type.Optional(Type.String({ description: 'The id of the user who may change it.' })),
    with: Type.Optional(PersonView),
    keepHistory: Type.Boolean(),
    historyWish: Type.Optional(
      Type.Union([Type.Literal('mine'), Type.Literal('theirs')], {
        description: 'Of a pair that keeps no history yet: which of the two asked for it.',
      }),
    ),
    createdAt: Type.Optional(Milliseconds('When it was made')),
    expiresAt: Type.Optional(Milliseconds('When it closes by itself')),
    count: Type.Integer({ description: 'Distinct users in it now; of a private room its members who are online.' }),
    members: Type.Optional(Type.Integer({ description: 'Members, online or not.' })),
    offset: Type.Integer({ description: 'The highest stored offset.' }),
    unread: Type.Integer({ description: 'Stored messages of others above what was delivered to me; 0 in the park.' }),
  },
  { description: 'A room.' },
);

/** A stored message, as in the frame `history`. */
export const MessageItem = Type.Unsafe<PageMessage>(memberSchema(PAGE_MESSAGE));

/** Characters of a title, as code points. */
const TITLE_MAX = 60;

/**
 * A group's name or a subject as it is kept; `member` is named by the error. A subject is somebody's own words: only a group's name is held to one script
 * in each word.
 * @throws HubError `INVALID_REQUEST`, saying why.
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

/** Code units of a text that is looked at. */
const TEXT_MAX = 4000;

/** Who asks, as a member of a room. */
export function memberOf({ userId, name, kind }: Pick<Credentials, 'userId' | 'name' | 'kind'>): Person {
  return { id: userId, name, kind };
}

/** A `preValidation` hook for routes all of whose members may be left out: no body at all is an empty one. */
export async function optionalBody(request: FastifyRequest): Promise<void> {
  request.body ??= {};
}

export type JsonSchema = Readonly<Record<string, unknown>>;

/** Unknown members are allowed: either side ignores them, so that both may grow. */
function objectSchema(members: Members): JsonSchema {
  const types = Object.entries(members);
  return {
    type: 'object',
    properties: Object.fromEntries(types.map(([name, type]) => [name, memberSchema(type)])),
    required: types.filter(([, type]) => type.optional !== true).map(([name]) => name),
  };
}

/** The schema of one member. */
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
      return { ...objectSchema(type.members), ...description };
    case 'array':
      return { ...type, items: memberSchema(type.items) };
  }
}

/** The schema of a frame: its members, and the rules between them. */
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
