/** Who is here, and who somebody is (A13). No mail address is shown, nor looked for. */
import { type Static, Type } from '@sinclair/typebox';
import type { FastifyInstance } from 'fastify';
import type { Presence } from '#libs/presence/presence.ts';
import { HubError } from '#libs/protocol/errors.ts';
import type { Store } from '#libs/store/store.ts';
import { UserId } from './room-schemas.ts';

export interface AdminUsersParts {
  /** Unix milliseconds. */
  readonly clock: () => number;
  readonly presence: Pick<Presence, 'online' | 'sample' | 'sessions'>;
  readonly store: Pick<Store, 'seen' | 'users' | 'agents' | 'rooms' | 'sanctions'>;
}

interface Person {
  readonly id: string;
  readonly name: string;
  readonly kind: string;
}

const ONLINE_DEFAULT = 50;
const ONLINE_MAX = 500;
const FOUND_MAX = 20;
const USER_ROOMS_MAX = 100;

const LimitQuery = Type.Object(
  { limit: Type.Optional(Type.Integer({ minimum: 1, maximum: ONLINE_MAX })) },
  { additionalProperties: false },
);
const FindQuery = Type.Object({ find: Type.String({ minLength: 1, maxLength: 256 }) }, { additionalProperties: false });
const UserPath = Type.Object({ id: UserId });

export function adminUsers(api: FastifyInstance, { clock, presence, store }: AdminUsersParts): void {
  api.get<{ Querystring: Static<typeof LimitQuery> }>('/online', { schema: { querystring: LimitQuery } }, async ({ query }) => {
    const [count, ids] = await Promise.all([presence.online(), presence.sample(query.limit ?? ONLINE_DEFAULT)]);
    const [sessions, seen] = await Promise.all([presence.sessions(ids), store.seen.get(ids)]);
    const known = new Map(seen.map((record) => [record.user, record]));
    const users = ids.map((id, index) => {
      const { name = id, kind = 'user' } = known.get(id) ?? {};
      return { id, name, kind, sessions: sessions[index] ?? 0 };
    });
    // Who left in between is offline.
    return { count, users: users.filter((user) => user.sessions > 0).toSorted(byName) };
  });

  api.get<{ Querystring: Static<typeof FindQuery> }>('/users', { schema: { querystring: FindQuery } }, async ({ query }) => {
    const text = query.find.trim();
    // PostgreSQL keeps no NUL in a text.
    if (text === '' || text.includes('\0')) throw new HubError('INVALID_REQUEST', 'what is looked for is an id, or how a name begins');
    const [byId, account, agent, named] = await Promise.all([
      personOf(store, text),
      store.users.byName(text),
      store.agents.byName(text),
      store.seen.named(text, FOUND_MAX),
    ]);
    const found = new Map<string, Person>();
    const add = (person: Person | undefined) => {
      if (person !== undefined && !found.has(person.id)) found.set(person.id, person);
    };
    add(byId);
    for (const { user, name, kind } of named) add({ id: user, name, kind });
    add(account && { id: account.id, name: account.name, kind: 'user' });
    add(agent && { id: agent.id, name: agent.name, kind: 'agent' });
    const people = [...found.values()].slice(0, FOUND_MAX);
    const sessions = await presence.sessions(people.map(({ id }) => id));
    return { users: people.map(({ id, name, kind }, index) => ({ id, name, kind, sessions: sessions[index] ?? 0 })) };
  });

  api.get<{ Params: Static<typeof UserPath> }>('/users/:id', { schema: { params: UserPath } }, async ({ params: { id } }) => {
    const [[sessions = 0], [seen], person, rooms, sanctions] = await Promise.all([
      presence.sessions([id]),
      store.seen.get([id]),
      personOf(store, id),
      store.rooms.of(id, USER_ROOMS_MAX),
      store.sanctions.standing(clock()),
    ]);
    if (person === undefined) throw new HubError('USER_NOT_FOUND');
    const banned = sanctions.filter(({ kind, subject }) => subject === id && (kind === 'ban' || kind === 'unban')).at(-1);
    return {
      ...person,
      online: sessions > 0,
      sessions,
      lastSeen: seen?.lastSeen ?? null,
      bannedUntil: banned?.kind === 'ban' ? banned.until : null,
      rooms: rooms.map(({ room, kind, title, unread }) => ({ room, kind, name: title, unread })),
    };
  });
}

/** Who came once, or has an account. */
async function personOf(store: AdminUsersParts['store'], id: string): Promise<Person | undefined> {
  const [[seen], account] = await Promise.all([store.seen.get([id]), store.users.byId(id)]);
  if (seen !== undefined) return { id, name: seen.name, kind: seen.kind };
  return account && { id, name: account.name, kind: 'user' };
}

function byName(a: Person, b: Person): number {
  return a.name.localeCompare(b.name) || (a.id < b.id ? -1 : 1);
}
