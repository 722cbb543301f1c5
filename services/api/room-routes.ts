/** Rooms (A8): lists of rooms, groups and their members, and stored messages. */

import { type Static, Type } from '@sinclair/typebox';
import type { Credentials } from '#libs/auth/credentials.ts';
import type { RoomHistory } from '#libs/messages/room-history.ts';
import { PAGE_MESSAGES } from '#libs/protocol/limits.ts';
import { PUBLIC_ROOMS, ROOM_KINDS } from '#libs/protocol/room-kinds.ts';
import { roomOfMember } from '#libs/rooms/room-entry.ts';
import type { RoomServices } from '#libs/rooms/room-services.ts';
import { authenticated } from './access.ts';
import type { Routes } from './api-parts.ts';
import { idempotent, newRoom } from './idempotency.ts';
import { Next, nextRoomsOf, pageQuery, roomPlaceOf } from './list-cursor.ts';
import { errors } from './openapi.ts';
import { requireLimits } from './rate-limits.ts';
import { MessageItem, memberOf, PersonView, RoomPath, RoomView, toTitle, UserId } from './room-schemas.ts';

const Members = Type.Object(
  { members: Type.Array(UserId, { minItems: 1, maxItems: ROOM_KINDS.group.limits.members, description: 'User ids.' }) },
  { title: 'Members', additionalProperties: false },
);

const People = Type.Object({ people: Type.Array(PersonView) }, { title: 'People', description: 'The members after the change.' });

/** Adds the routes that add members to a group and remove them (A8). */
export function memberRoutes({ groups }: Pick<RoomServices, 'groups'>): Routes {
  return (api, { limits }) => {
    api.post<{ Params: RoomPath; Body: Static<typeof Members> }>(
      '/rooms/:room/members',
      {
        ...authenticated(),
        schema: {
          tags: ['Rooms'],
          summary: 'Add members to a group of mine (A8)',
          description: 'Users who are members already are ignored. New members do not get earlier messages.',
          params: RoomPath,
          body: Members,
          response: { 200: People, ...errors(403, 404, 410, 429) },
        },
      },
      async ({ user, params, body }) => {
        await requireLimits(limits, ['roomChangesPerUser', user.userId]);
        return { people: [...(await groups.add(user.userId, params.room, body.members))] };
      },
    );

    api.delete<{ Params: RoomPath; Body: Static<typeof Members> }>(
      '/rooms/:room/members',
      {
        ...authenticated(),
        schema: {
          tags: ['Rooms'],
          summary: 'Remove members from a group of mine, or leave a group (A8)',
          description: 'The owner cannot leave the group, but can delete it.',
          params: RoomPath,
          body: Members,
          response: { 200: People, ...errors(403, 410, 429) },
        },
      },
      async ({ user, params, body }) => {
        await requireLimits(limits, ['roomChangesPerUser', user.userId]);
        return { people: [...(await groups.remove(user.userId, params.room, body.members))] };
      },
    );
  };
}

const TAGS = ['Rooms'];
/** Seconds: a year. */
const LIFE_MAX_SECONDS = 31_536_000;
const MESSAGES_DEFAULT = 50;

/** Rooms on one page. */
const ROOMS_MAX = 500;

const ListQuery = Type.Object(
  {
    ...pageQuery(ROOMS_MAX),
    ended: Type.Optional(Type.Boolean({ description: 'true: also my pairs that kept history and ended, with `closedAt`.' })),
  },
  { additionalProperties: false },
);
const RoomViews = Type.Object({ rooms: Type.Array(RoomView), next: Next });
const RoomDetails = Type.Object(
  { ...RoomView.properties, people: Type.Optional(Type.Array(PersonView, { description: 'The members.' })) },
  { title: 'RoomDetails', description: 'A room, with its members if it has any.' },
);

const ExpiresIn = Type.Integer({ minimum: 1, maximum: LIFE_MAX_SECONDS, description: 'Seconds from now until it closes by itself.' });

const NewRoom = Type.Object(
  {
    name: Type.String(),
    kind: Type.Literal('group'),
    members: Type.Optional(Type.Array(UserId, { maxItems: ROOM_KINDS.group.limits.members - 1, description: 'The members besides me.' })),
    keepHistory: Type.Optional(
      Type.Boolean({ description: 'Messages are stored, and members who are offline get them later. Off by default.' }),
    ),
    expiresIn: Type.Optional(ExpiresIn),
  },
  { additionalProperties: false },
);

const RoomChange = Type.Object(
  {
    name: Type.Optional(Type.String()),
    keepHistory: Type.Optional(Type.Boolean()),
    expiresIn: Type.Optional(Type.Union([ExpiresIn, Type.Null()], { description: 'null: it no longer closes by itself.' })),
  },
  { additionalProperties: false, minProperties: 1 },
);

const PageQuery = Type.Object(
  {
    before: Type.Optional(Type.Integer({ minimum: 0, description: 'Only messages below this offset.' })),
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: PAGE_MESSAGES, description: `Default ${MESSAGES_DEFAULT}.` })),
  },
  { additionalProperties: false },
);

const MessagePage = Type.Object(
  { messages: Type.Array(MessageItem), more: Type.Boolean({ description: 'True if there are older messages.' }) },
  { description: 'Messages, oldest first, as in the frame `history`.' },
);

/** The parts of `roomRoutes`. */
export interface RoomRoutesParts {
  readonly rooms: Pick<RoomServices, 'groups' | 'list'>;
  readonly history: Pick<RoomHistory, 'page'>;
}

/** Adds the routes of rooms and their messages (A8). */
export function roomRoutes({ rooms: { groups, list }, history }: RoomRoutesParts): Routes {
  return (api, parts) => {
    const { store, limits } = parts;
    const details = async (user: Credentials, room: string): Promise<Static<typeof RoomDetails>> => {
      const open = PUBLIC_ROOMS.find((one) => one.room === room);
      if (open !== undefined) return list.publicRoom(open);
      const known = await roomOfMember(store.rooms, room, user.userId);
      return { ...(await list.one(user.userId, known)), people: [...known.members] };
    };

    api.get<{ Querystring: Static<typeof ListQuery> }>(
      '/rooms',
      {
        ...authenticated(),
        schema: {
          tags: TAGS,
          summary: 'List the park and my rooms; for customers, their conversations (A8)',
          description: 'The latest activity first, page by page (A16). The first page begins with the park.',
          querystring: ListQuery,
          response: { 200: RoomViews },
        },
      },
      async ({ user, query: { after, limit = ROOMS_MAX, ended = false } }) => {
        const place = roomPlaceOf(user.userId, after, ended);
        const { items, next } = await list.of(user.userId, user.kind, { after: place, limit, ended });
        return { rooms: items, ...nextRoomsOf(user.userId, next, ended) };
      },
    );

    api.post<{ Body: Static<typeof NewRoom> }>(
      '/rooms',
      {
        ...idempotent(authenticated('groups')),
        schema: {
          tags: TAGS,
          summary: 'Create a group (A8)',
          body: NewRoom,
          response: { 201: RoomDetails, ...errors(403, 404, 409, 429) },
        },
      },
      async (request, reply) => {
        const { user, body } = request;
        await requireLimits(limits, ['roomsPerUser', user.userId]);
        const known = await groups.create(memberOf(user), {
          room: newRoom(parts, request, 'group'),
          title: toTitle(body.name, 'name'),
          members: body.members ?? [],
          keepHistory: body.keepHistory ?? false,
          lifeMs: body.expiresIn === undefined ? undefined : body.expiresIn * 1000,
        });
        return reply.status(201).send({ ...(await list.one(user.userId, known)), people: known.members });
      },
    );

    api.get<{ Params: RoomPath }>(
      '/rooms/:room',
      {
        ...authenticated(),
        schema: { tags: TAGS, summary: 'Get one of my rooms (A8)', params: RoomPath, response: { 200: RoomDetails, ...errors(403, 410) } },
      },
      ({ user, params }) => details(user, params.room),
    );

    api.patch<{ Params: RoomPath; Body: Static<typeof RoomChange> }>(
      '/rooms/:room',
      {
        ...authenticated(),
        schema: {
          tags: TAGS,
          summary: 'Change a group of mine (A8)',
          params: RoomPath,
          body: RoomChange,
          response: { 200: RoomDetails, ...errors(403, 410, 429) },
        },
      },
      async ({ user, params, body }) => {
        await requireLimits(limits, ['roomChangesPerUser', user.userId]);
        const { name, keepHistory, expiresIn } = body;
        const known = await groups.change(user.userId, params.room, {
          title: name === undefined ? undefined : toTitle(name, 'name'),
          keepHistory,
          lifeMs: expiresIn == null ? expiresIn : expiresIn * 1000,
        });
        return { ...(await list.one(user.userId, known)), people: [...known.members] };
      },
    );

    api.delete<{ Params: RoomPath }>(
      '/rooms/:room',
      {
        ...authenticated(),
        schema: {
          tags: TAGS,
          summary: 'Delete a group of mine, or end my pair (A8, A9)',
          params: RoomPath,
          response: { 204: Type.Null({ description: 'It has ended, and its members were notified.' }), ...errors(403, 410, 429) },
        },
      },
      async ({ user, params }, reply) => {
        await requireLimits(limits, ['roomChangesPerUser', user.userId]);
        await groups.close(user.userId, params.room);
        return reply.status(204).send();
      },
    );

    api.get<{ Params: RoomPath; Querystring: Static<typeof PageQuery> }>(
      '/rooms/:room/messages',
      {
        ...authenticated(),
        schema: {
          tags: TAGS,
          summary: 'List the messages of a room that I may enter (A8)',
          params: RoomPath,
          querystring: PageQuery,
          response: { 200: MessagePage, ...errors(403, 404, 410, 429) },
        },
      },
      async ({ user, params, query }, reply) => {
        await requireLimits(limits, ['historyPagesPerUser', user.userId]);
        const page = await history.page(user, params.room, query.before ?? Number.POSITIVE_INFINITY, query.limit ?? MESSAGES_DEFAULT);
        // Messages are stored as JSON texts and sent unchanged.
        return reply.type('application/json').send(page);
      },
    );
  };
}
