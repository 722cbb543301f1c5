/** Routes of the admin port (A13) about customers who wait and agents who answer them. */
import { type Static, Type } from '@sinclair/typebox';
import type { FastifyInstance } from 'fastify';
import type { Presence } from '#libs/presence/presence.ts';
import { ConversationState } from '#libs/store/conversation-store.ts';
import type { Store } from '#libs/store/store.ts';
import { nextOf, pageQuery, placeOf } from './list-cursor.ts';

/** The parts of `adminDesk`. */
export interface AdminDeskParts {
  readonly presence: Pick<Presence, 'sessions'>;
  readonly store: Pick<Store, 'agents' | 'conversations' | 'customers'>;
}

const PAGE_MAX = 100;
const PAGE_DEFAULT = 20;

const DeskQuery = Type.Object(pageQuery(PAGE_MAX, PAGE_DEFAULT), { additionalProperties: false });

/**
 * Adds the routes. They show no subject and no message: these are between customer and agent.
 *
 * A page costs two or three statements and a command of Redis for each of its people. `/waiting`
 * reads the page's rows by the index of waiting conversations; `/agents` reads all agents.
 */
export function adminDesk(api: FastifyInstance, { presence, store }: AdminDeskParts): void {
  api.get<{ Querystring: Static<typeof DeskQuery> }>('/waiting', { schema: { querystring: DeskQuery } }, async ({ query }) => {
    const [createdAt, seq] = query.after === undefined ? [] : placeOf<readonly [at: number, seq: number]>('waiting', query.after, [0, 0]);
    const [{ items, next }, { queued }] = await Promise.all([
      store.conversations.list({
        state: ConversationState.queued,
        after: createdAt === undefined || seq === undefined ? undefined : { createdAt, seq },
        limit: query.limit ?? PAGE_DEFAULT,
      }),
      store.conversations.counts(),
    ]);
    const ids = [...new Set(items.map(({ customer }) => customer.id))];
    const [channels, sessions] = await Promise.all([store.customers.channels(ids), presence.sessions(ids)]);
    const online = new Set(ids.filter((_, index) => (sessions[index] ?? 0) > 0));
    const customers = items.map(({ room, customer: { id, name }, createdAt: since }) => ({
      room,
      id,
      name,
      channel: channels.get(id) ?? '',
      online: online.has(id),
      since,
    }));
    return { count: queued, customers, ...nextOf('waiting', next && [next.createdAt, next.seq]) };
  });

  api.get<{ Querystring: Static<typeof DeskQuery> }>('/agents', { schema: { querystring: DeskQuery } }, async ({ query }) => {
    const place = query.after === undefined ? undefined : placeOf<readonly [key: string, user: string]>('agents', query.after, ['', '']);
    const [{ items, next }, { assigned }] = await Promise.all([
      store.agents.page({ after: place && { key: place[0], user: place[1] }, limit: query.limit ?? PAGE_DEFAULT }),
      store.conversations.counts(),
    ]);
    const sessions = await presence.sessions(items.map(({ id }) => id));
    const agents = items.map(({ id, name, conversations }, index) => ({ id, name, sessions: sessions[index] ?? 0, conversations }));
    return { conversations: assigned, agents, ...nextOf('agents', next && [next.key, next.user]) };
  });
}
