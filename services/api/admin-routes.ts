/**
 * Routes of the admin port (A13): the state of the hub, and commands. They show no message text and
 * no mail address.
 */
import { type Static, Type } from '@sinclair/typebox';
import type { FastifyInstance } from 'fastify';
import type { Jobs } from '#libs/jobs/jobs.ts';
import { type KeySetState, NODE_LOST_MS, type NodeDirectory } from '#libs/presence/node-directory.ts';
import type { Presence } from '#libs/presence/presence.ts';
import { HubError } from '#libs/protocol/errors.ts';
import { isManagedRoom } from '#libs/protocol/room-kinds.ts';
import { type SettingWarning, warningText } from '#libs/protocol/setting-warnings.ts';
import type { Store } from '#libs/store/store.ts';
import type { Logger } from '#libs/telemetry/logger.ts';
import { shownTitle } from './admin-users.ts';
import type { GuestAddresses } from './guest-addresses.ts';
import { UserId } from './room-schemas.ts';
import { Ban, Disconnect, Push, Pusher, type PusherOptions, Revoke, ServiceCommands } from './service-commands.ts';

/** The parts of `adminCommands`. */
export interface AdminCommandsParts {
  readonly broker: PusherOptions['broker'];
  readonly store: Pick<Store, 'rooms' | 'revocations' | 'logins'>;
  readonly addresses: Pick<GuestAddresses, 'ban'>;
  readonly log: Logger;
  /** Unix milliseconds. */
  readonly now: () => number;
}

const UserPath = Type.Object({ user: UserId });
const mute = { publish: () => Promise.reject(new HubError('FORBIDDEN')) };

/**
 * Adds the commands. Each answers 202 `{}` and is logged with its time and the address of the
 * caller, so an operator can find who disconnected or banned a user.
 */
export function adminCommands(api: FastifyInstance, { broker, store, addresses, log, now }: AdminCommandsParts): void {
  const commands = new ServiceCommands({ store, pusher: new Pusher({ broker, rooms: store.rooms }), publisher: mute, addresses, now });

  api.addHook('onResponse', async (request, reply) => {
    if (request.method === 'GET' || request.method === 'HEAD' || reply.statusCode !== 202) return;
    const { to, user, seconds } = { ...(request.body as Partial<Noted>), ...(request.params as Partial<Noted>) };
    const action = `${request.method} ${request.routeOptions.url}`;
    log.info({ request: request.id, address: request.ip, action, to, user, seconds }, 'admin command');
  });

  api.post<{ Body: Static<typeof Push> }>('/push', { schema: { body: Push } }, async ({ body }, reply) => {
    await commands.push(body);
    return reply.status(202).send({});
  });

  api.post<{ Body: Static<typeof Disconnect> }>('/disconnect', { schema: { body: Disconnect } }, async ({ body }, reply) => {
    await commands.disconnect(body);
    return reply.status(202).send({});
  });

  api.post<{ Body: Static<typeof Revoke> }>('/revoke', { schema: { body: Revoke } }, async ({ body }, reply) => {
    await commands.revoke(body);
    return reply.status(202).send({});
  });

  api.post<{ Body: Static<typeof Ban> }>('/ban', { schema: { body: Ban } }, async ({ body }, reply) => {
    await commands.ban(body);
    return reply.status(202).send({});
  });

  api.delete<{ Params: Static<typeof UserPath> }>('/ban/:user', { schema: { params: UserPath } }, async ({ params }, reply) => {
    await commands.unban(params);
    return reply.status(202).send({});
  });
}

/** The logged members of a command: ids, never a text. */
interface Noted {
  readonly to: unknown;
  readonly user: string;
  readonly seconds: number;
}

/** The parts of `adminRoutes`. */
export interface AdminRoutesParts {
  /** Unix milliseconds. */
  readonly now: () => number;
  readonly nodes: Pick<NodeDirectory, 'list'>;
  readonly presence: Pick<Presence, 'counts' | 'online'>;
  readonly store: Pick<Store, 'ping' | 'rooms'>;
  readonly jobs: Pick<Jobs, 'counts'>;
  /** The version of this program. */
  readonly version: string;
  /** True if the nodes are connected by Redis. */
  readonly redis: boolean;
  /** `DASHBOARD_URL`. */
  readonly dashboardUrl: string | undefined;
  /** Returns what is set up without care: settings, and what breaks a promise. Never rejects. */
  readonly warnings: () => Promise<readonly SettingWarning[]>;
  /** Returns the state of the key set in this program; undefined without `JWT_JWKS_URL`. */
  readonly keySet: () => KeySetState | undefined;
  /** True if `/admin/queues` has queues to show. */
  readonly board: boolean;
}

const TOP_DEFAULT = 20;
const TOP_MAX = 200;
const SECOND_MS = 1000;

const TopQuery = Type.Object({ top: Type.Optional(Type.Integer({ minimum: 1, maximum: TOP_MAX })) }, { additionalProperties: false });

/** Adds the routes that show the hub, its nodes, its largest rooms and its queues. */
export function adminRoutes(
  api: FastifyInstance,
  { now, nodes, presence, store, jobs, version, redis, dashboardUrl, warnings, keySet, board }: AdminRoutesParts,
): void {
  /** Empty if the room has no title, or if the database is away. */
  const titleOf = async (room: string): Promise<string> => {
    if (!isManagedRoom(room)) return '';
    const known = await store.rooms.get(room).catch(() => undefined);
    return known === undefined ? '' : shownTitle(known);
  };

  // This route answers even if a backend is away, because it reports exactly that.
  api.get('/hub', async () => {
    const [online, warned, database] = await Promise.all([
      presence.online().catch(() => null),
      warnings(),
      store.ping().then(
        () => 'up' as const,
        () => 'down' as const,
      ),
    ]);
    return {
      version,
      online,
      redis: !redis ? 'none' : online === null ? 'down' : 'up',
      database,
      board,
      dashboardUrl: dashboardUrl ?? null,
      warnings: warned.map(warningText),
      warningCodes: warned,
      keySet: keySet() ?? null,
    };
  });

  api.get('/nodes', async () => {
    const at = now();
    return {
      nodes: (await nodes.list()).map(({ startedAt, rooms: _, silent, state, ...node }) => ({
        ...node,
        startedAt,
        state: silent > NODE_LOST_MS ? 'lost' : state,
        uptime: Math.max(0, Math.round((at - silent - startedAt) / SECOND_MS)),
        silent: Math.round(silent / SECOND_MS),
      })),
    };
  });

  api.get<{ Querystring: Static<typeof TopQuery> }>('/rooms', { schema: { querystring: TopQuery } }, async ({ query }) => {
    const living = (await nodes.list()).filter(({ silent }) => silent <= NODE_LOST_MS);
    const names = [...new Set(living.flatMap(({ rooms }) => rooms))];
    const counts = names.length === 0 ? [] : await presence.counts(names);
    const rooms = names.map((room, index) => ({ room, count: counts[index] ?? 0 })).filter(({ count }) => count > 0);
    const largest = rooms.toSorted((a, b) => b.count - a.count || (a.room < b.room ? -1 : 1)).slice(0, query.top ?? TOP_DEFAULT);
    return { rooms: await Promise.all(largest.map(async (one) => ({ ...one, name: await titleOf(one.room) }))) };
  });

  api.get('/queues', async () => ({ queues: await jobs.counts() }));
}
