/**
 * Routes of the admin port that list and find users (A13). They neither show nor search mail
 * addresses.
 */

import { type Static, Type } from '@sinclair/typebox';
import type { FastifyInstance } from 'fastify';
import type { Presence } from '#libs/presence/presence.ts';
import { HubError } from '#libs/protocol/errors.ts';
import type { Person } from '#libs/protocol/frame-types.ts';
import type { RoomRecord } from '#libs/store/room-store.ts';
import type { Store } from '#libs/store/store.ts';
import { nextOf, nextRoomsOf, pageQuery, placeOf, roomPlaceOf } from './list-cursor.ts';
import { UserId } from './room-schemas.ts';

/** The parts of `adminUsers`. */
export interface AdminUsersParts {
  /** Unix milliseconds. */
  readonly now: () => number;
  readonly presence: Pick<Presence, 'online' | 'page' | 'sample' | 'sessions'>;
  readonly store: Pick<Store, 'seen' | 'users' | 'agents' | 'rooms' | 'revocations'>;
}

type FoundPerson = Required<Person>;

const ONLINE_DEFAULT = 50;
const ONLINE_MAX = 500;
const FOUND_DEFAULT = 20;
const FOUND_MAX = 100;
const USER_ROOMS_MAX = 100;

const OnlineQuery = Type.Object(
  { sample: Type.Optional(Type.Integer({ minimum: 1, maximum: ONLINE_MAX })), ...pageQuery(ONLINE_MAX, ONLINE_DEFAULT) },
  { additionalProperties: false },
);
const FindQuery = Type.Object(
  { find: Type.String({ minLength: 1, maxLength: 256 }), ...pageQuery(FOUND_MAX, FOUND_DEFAULT) },
  { additionalProperties: false },
);
const RoomsQuery = Type.Object(pageQuery(USER_ROOMS_MAX), { additionalProperties: false });
const UserPath = Type.Object({ id: UserId });

/** Adds the routes for online users, for a search, and for one user with their rooms. */
export function adminUsers(api: FastifyInstance, { now, presence, store }: AdminUsersParts): void {
  // A random sample costs the same for any number of online users. The page requests it every two
  // seconds.
  api.get<{ Querystring: Static<typeof OnlineQuery> }>('/online', { schema: { querystring: OnlineQuery } }, async ({ query }) => {
    const { sample, after, limit = ONLINE_DEFAULT } = query;
    if (sample !== undefined && (after ?? query.limit) !== undefined)
      throw new HubError('INVALID_REQUEST', '`sample` does not go with `after` or `limit`');
    const [place] = after === undefined ? [''] : placeOf<readonly [id: string]>('online', after, ['']);
    const [count, { users: ids, more }] = await Promise.all([
      presence.online(),
      sample === undefined ? presence.page(place, limit) : presence.sample(sample).then((users) => ({ users, more: false })),
    ]);
    const [sessions, seen] = await Promise.all([presence.sessions(ids), store.seen.get(ids)]);
    const known = new Map(seen.map((record) => [record.user, record]));
    const users = ids.map((id, index) => {
      const { name = id, kind = 'user' } = known.get(id) ?? {};
      return { id, name, kind, sessions: sessions[index] ?? 0 };
    });
    // A user who left in between is offline.
    const there = users.filter((user) => user.sessions > 0);
    const last = more ? ids.at(-1) : undefined;
    return { count, users: sample === undefined ? there : there.toSorted(byName), ...nextOf('online', last === undefined ? last : [last]) };
  });

  api.get<{ Querystring: Static<typeof FindQuery> }>('/users', { schema: { querystring: FindQuery } }, async ({ query }) => {
    const text = query.find.trim();
    // PostgreSQL cannot store NUL in a text.
    if (text === '' || text.includes('\0')) throw new HubError('INVALID_REQUEST', '`find` must be an id or the beginning of a name');
    const list = JSON.stringify(['users', text]);
    const place = query.after === undefined ? undefined : placeOf<readonly [key: string, user: string]>(list, query.after, ['', '']);
    const [byId, account, agent, named] = await Promise.all([
      personOf(store, text),
      store.users.byName(text),
      store.agents.byName(text),
      store.seen.named(text, { after: place && { key: place[0], user: place[1] }, limit: query.limit ?? FOUND_DEFAULT }),
    ]);
    const exact = new Map<string, FoundPerson>();
    const add = (person: FoundPerson | undefined) => {
      if (person !== undefined && !exact.has(person.id)) exact.set(person.id, person);
    };
    add(byId);
    add(account && { id: account.id, name: account.name, kind: 'user' });
    add(agent && { id: agent.id, name: agent.name, kind: 'agent' });
    // Exact matches are on the first page only, before all others.
    const people = [
      ...(place === undefined ? exact.values() : []),
      ...named.items.filter(({ user }) => !exact.has(user)).map(({ user, name, kind }) => ({ id: user, name, kind })),
    ];
    const sessions = await presence.sessions(people.map(({ id }) => id));
    return {
      users: people.map(({ id, name, kind }, index) => ({ id, name, kind, sessions: sessions[index] ?? 0 })),
      ...nextOf(list, named.next && [named.next.key, named.next.user]),
    };
  });

  api.get<{ Params: Static<typeof UserPath> }>('/users/:id', { schema: { params: UserPath } }, async ({ params: { id } }) => {
    const [[sessions = 0], [seen], person, rooms, ban] = await Promise.all([
      presence.sessions([id]),
      store.seen.get([id]),
      personOf(store, id),
      roomsOf(store, id, undefined, USER_ROOMS_MAX),
      store.revocations.banOf(id, now()),
    ]);
    if (person === undefined) throw new HubError('USER_NOT_FOUND');
    return {
      ...person,
      online: sessions > 0,
      sessions,
      lastSeen: seen?.lastSeen ?? null,
      bannedUntil: ban?.until ?? null,
      banReason: ban?.reason || null,
      ...rooms,
    };
  });

  api.get<{ Params: Static<typeof UserPath>; Querystring: Static<typeof RoomsQuery> }>(
    '/users/:id/rooms',
    { schema: { params: UserPath, querystring: RoomsQuery } },
    ({ params, query: { after, limit = USER_ROOMS_MAX } }) => roomsOf(store, params.id, after, limit),
  );
}

/**
 * The title of a room for the people who run the hub. A conversation has none: its title is what its
 * customer asked (A13).
 */
export function shownTitle({ kind, title }: Pick<RoomRecord, 'kind' | 'title'>): string {
  return kind === 'conv' ? '' : title;
}

/** Returns one page of a user's rooms. */
async function roomsOf({ rooms }: Pick<Store, 'rooms'>, user: string, after: string | undefined, limit: number) {
  const { items, next } = await rooms.of(user, { after: roomPlaceOf(user, after), limit });
  return {
    rooms: items.map(({ unread, ...room }) => ({ room: room.room, kind: room.kind, name: shownTitle(room), unread })),
    ...nextRoomsOf(user, next),
  };
}

/** Returns a user who was connected once or has an account; undefined for any other id. */
async function personOf(store: AdminUsersParts['store'], id: string): Promise<FoundPerson | undefined> {
  const [[seen], account] = await Promise.all([store.seen.get([id]), store.users.byId(id)]);
  if (seen !== undefined) return { id, name: seen.name, kind: seen.kind };
  return account && { id, name: account.name, kind: 'user' };
}

function byName(a: FoundPerson, b: FoundPerson): number {
  return a.name.localeCompare(b.name) || (a.id < b.id ? -1 : 1);
}
