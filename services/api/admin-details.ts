/** Routes of the admin port (A13) that open one row: a room with its people, a queue's jobs. */
import { type Static, Type } from '@sinclair/typebox';
import type { FastifyInstance } from 'fastify';
import type { Broker } from '#libs/broker/broker.ts';
import { JOB_STATES, type Jobs, QUEUE_NAMES } from '#libs/jobs/jobs.ts';
import type { Presence, PresenceUser } from '#libs/presence/presence.ts';
import { HubError } from '#libs/protocol/errors.ts';
import type { Person } from '#libs/protocol/frame-types.ts';
import { isManagedRoom, isPrivateRoom, roomKind, roomPolicy } from '#libs/protocol/room-kinds.ts';
import { publishedAt } from '#libs/protocol/server-frame.ts';
import type { RoomRecord } from '#libs/store/room-store.ts';
import type { Store } from '#libs/store/store.ts';
import { shownTitle } from './admin-users.ts';
import { RoomPath } from './room-schemas.ts';

/** The parts of `adminDetails`. */
export interface AdminDetailsParts {
  readonly broker: Pick<Broker, 'before'>;
  readonly presence: Pick<Presence, 'room' | 'nodesOf'>;
  readonly store: Pick<Store, 'rooms'>;
  readonly jobs: Pick<Jobs, 'list'>;
}

/** Most people of a room in an answer. */
const PEOPLE_MAX = 100;
const JOBS_DEFAULT = 50;
const JOBS_MAX = 100;
/** A page has one publication at least, whatever its size. */
const NEWEST = { count: 1, bytes: 1 };

const QueuePath = Type.Object({ queue: Type.Union(QUEUE_NAMES.map((name) => Type.Literal(name))) });
const JobsQuery = Type.Object(
  {
    state: Type.Union(JOB_STATES.map((state) => Type.Literal(state))),
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: JOBS_MAX })),
  },
  { additionalProperties: false },
);

/**
 * Adds the routes. A room costs its people at most a hundred times two commands of Redis, one
 * message, and a row of PostgreSQL if it is managed. A page of jobs costs its jobs.
 */
export function adminDetails(api: FastifyInstance, { broker, presence, store, jobs }: AdminDetailsParts): void {
  api.get<{ Params: RoomPath }>('/rooms/:room', { schema: { params: RoomPath } }, async ({ params: { room } }) => {
    const known = isManagedRoom(room) ? await store.rooms.withMembers(room) : undefined;
    if (known === undefined && isManagedRoom(room)) throw new HubError('ROOM_NOT_FOUND');
    const [{ count, people }, last] = await Promise.all([peopleIn(presence, room, known?.members ?? []), lastMessage(broker, room)]);
    return {
      room,
      kind: roomKind(room),
      ...aboutRoom(room, known?.room),
      members: known === undefined ? null : known.members.length,
      count,
      people: people.toSorted((a, b) => a.name.localeCompare(b.name) || (a.id < b.id ? -1 : 1)),
      last,
    };
  });

  api.get<{ Params: Static<typeof QueuePath>; Querystring: Static<typeof JobsQuery> }>(
    '/queues/:queue/jobs',
    { schema: { params: QueuePath, querystring: JobsQuery } },
    async ({ params: { queue }, query: { state, limit = JOBS_DEFAULT } }) => {
      const list = await jobs.list(queue, state, limit);
      return { jobs: list.map(({ dueAt = null, error = null, ...job }) => ({ ...job, state, dueAt, error })) };
    },
  );
}

function aboutRoom(room: string, record: RoomRecord | undefined) {
  const { retention } = roomPolicy(room);
  if (record === undefined) return { name: '', retention, createdAt: null, expiresAt: null, closedAt: null };
  const { keepHistory, createdAt, expiresAt = null, closedAt = null } = record;
  return { name: shownTitle(record), retention: keepHistory ? 'history' : 'stream', createdAt, expiresAt, closedAt };
}

/** The people who are there; of a private room its members who are online. */
async function peopleIn(presence: AdminDetailsParts['presence'], room: string, members: readonly Person[]) {
  const isPrivate = isPrivateRoom(room);
  const inside: { readonly count: number; readonly users: readonly (Person | PresenceUser)[] } = isPrivate
    ? { count: 0, users: members }
    : await presence.room(room, PEOPLE_MAX);
  const nodes = await presence.nodesOf(inside.users.map(({ id }) => id));
  const people = inside.users.map(({ id, name, kind = 'user' }, index) => {
    const connections = nodes[index] ?? [];
    return { id, name, kind, sessions: connections.length, nodes: [...new Set(connections)].toSorted() };
  });
  // Who left in between is offline.
  const there = people.filter(({ sessions }) => sessions > 0);
  return { count: isPrivate ? there.length : inside.count, people: there };
}

/** The offset and the stamp of the newest kept message. Null if none is kept. */
async function lastMessage(broker: Pick<Broker, 'before'>, room: string) {
  if (roomPolicy(room).retention === 'none') return null;
  const { publications } = await broker.before(room, Number.POSITIVE_INFINITY, NEWEST);
  const newest = publications.at(-1);
  return newest === undefined ? null : { offset: newest.offset, at: publishedAt(newest.frame) };
}
