import { randomBytes } from 'node:crypto';
import { Retention } from '#libs/messages/room-access.ts';
import { RoomHistory } from '#libs/messages/room-history.ts';
import type { Person } from '#libs/protocol/frame-types.ts';
import type { ManagedRoomKind } from '#libs/protocol/room-kinds.ts';
import { openStore } from '#libs/store/store-postgres.ts';
import type { GatewayProcess } from './gateway-process.ts';
import { HistoryAudit } from './history-audit.ts';
import { PostgresDatabase, startPostgres } from './postgres.ts';
import type { PostgresServer } from './postgres-server.ts';
import type { Random } from './random.ts';
import { RedisServer } from './redis-server.ts';
import type { StayingClient } from './staying-client.ts';
import { TestHub } from './test-hub.ts';
import { until } from './wait.ts';
import { Writers } from './writers.ts';

/** Options of `StoredStage`. */
export interface StoredStageOptions {
  readonly random: Random;
  readonly writers: number;
  /** Settings of every gateway. */
  readonly env?: Readonly<Record<string, string>>;
  /** Settings of PostgreSQL. */
  readonly postgres?: Readonly<Record<string, string>>;
}

const GROUPS = 3;
const PAIRS = 5;

/**
 * Two gateways on a Redis and a PostgreSQL that tests may damage, with writers in the park, in
 * groups and in direct rooms.
 */
export class StoredStage {
  readonly redis: RedisServer;
  readonly postgres: PostgresServer;
  readonly database: PostgresDatabase;
  readonly hub: TestHub<RedisServer>;
  readonly writers: Writers;
  readonly audit: HistoryAudit;
  readonly rooms: readonly string[];
  readonly #roomsOf: (user: string) => readonly string[];
  /** The two users of each direct room. */
  readonly #pairs: ReadonlyMap<string, readonly string[]>;
  /** Every gateway so far, and its intended end. */
  readonly #ends = new Map<GatewayProcess, 'killed' | 'left' | 'lives'>();

  private constructor(
    parts: Pick<StoredStage, 'redis' | 'postgres' | 'database' | 'hub' | 'writers' | 'audit' | 'rooms'>,
    made: readonly MadeRoom[],
  ) {
    this.redis = parts.redis;
    this.postgres = parts.postgres;
    this.database = parts.database;
    this.hub = parts.hub;
    this.writers = parts.writers;
    this.audit = parts.audit;
    this.rooms = parts.rooms;
    this.#roomsOf = (user) => roomsOf(user, made);
    this.#pairs = new Map(made.filter(({ room }) => room.startsWith('dm:')).map(({ room, members }) => [room, members]));
    for (const gateway of this.hub.gateways) this.#ends.set(gateway, 'lives');
  }

  static async open({ random, writers: count, env, postgres: settings }: StoredStageOptions): Promise<StoredStage> {
    const [postgres, redis] = await Promise.all([startPostgres(settings), RedisServer.start()]);
    const database = await PostgresDatabase.create({ adminUrl: postgres.url });
    const users = Array.from({ length: count }, (_, i) => `w${i}`);
    const made = await makeRooms(database.url, users);
    const hub = await TestHub.start(redis, { gateways: 2, env: { ...env, DATABASE_URL: database.url } });
    const audit = new HistoryAudit();
    const writers = await Writers.gather({
      users,
      rooms: (user) => roomsOf(user, made),
      random,
      url: () => random.pick(hub.living).url,
      audit,
    });
    const rooms = ['park', ...made.map(({ room }) => room)];
    return new StoredStage({ redis, postgres, database, hub, writers, audit, rooms }, made);
  }

  /**
   * Returns the living gateway with the fewest connections. Its end leaves the others running.
   * After a hasty start one gateway may have all connections.
   */
  async leastUsed(): Promise<GatewayProcess> {
    const used = await Promise.all(
      this.hub.living.map(async (gateway) => ({ gateway, connections: await gateway.metric('parley_connections') })),
    );
    const [least] = used.sort((one, other) => one.connections - other.connections);
    if (least === undefined) throw new RangeError('no gateway lives');
    return least.gateway;
  }

  async add(env: Readonly<Record<string, string>> = {}): Promise<GatewayProcess> {
    const gateway = await this.hub.add(env);
    this.#ends.set(gateway, env.FAIL_POINTS === undefined ? 'lives' : 'killed');
    return gateway;
  }

  async kill(...gateways: readonly GatewayProcess[]): Promise<void> {
    for (const gateway of gateways) this.#ends.set(gateway, 'killed');
    await Promise.all(gateways.map((gateway) => gateway.kill9()));
  }

  /** Every gateway leaves in order. */
  async leave(): Promise<void> {
    const leaving = this.hub.living;
    for (const gateway of leaving) this.#ends.set(gateway, 'left');
    await Promise.all(leaving.map((gateway) => gateway.term()));
  }

  /** Resolves when a gateway has noticed that the database is away. */
  async storeMissed(): Promise<void> {
    await until(
      async () => {
        const up = await Promise.all(this.hub.living.map((gateway) => gateway.metric('parley_store_up')));
        return up.some((value) => value === 0);
      },
      { timeoutMs: 30_000, describe: 'parley_store_up is 0 somewhere' },
    );
  }

  /** Stops the messages and returns every fault. */
  async faults(): Promise<string[]> {
    await this.writers.rest();
    const unseen = (): string[] => {
      for (const { user, shown } of this.writers.clients) this.audit.shown(user, shown.splice(0));
      return this.audit.unseen(this.#pairs);
    };
    // Nothing waits for these frames: they arrive on their own or are repaired a little later.
    await until(() => unseen().length === 0, { timeoutMs: 30_000, describe: () => unseen().slice(0, 10).join('\n') });
    const readers = new Map(this.rooms.map((room) => [room, this.#readerOf(room)]));
    return [...(await this.#read(readers)), ...this.#breaches(), ...(await this.#crashes())];
  }

  async close(): Promise<void> {
    this.redis.resume();
    this.postgres.thaw();
    await this.writers.close();
    await this.hub.stop();
    await this.postgres.stop();
  }

  async #read(readers: ReadonlyMap<string, StayingClient>): Promise<string[]> {
    const store = await openStore({ url: this.database.url });
    try {
      const access = { read: async () => Retention.history };
      const broker = { before: () => Promise.reject(new TypeError('a stream was read for a room that keeps history')) };
      return await this.audit.faults(this.database, readers, new RoomHistory({ access, messages: store.messages, broker }));
    } finally {
      await store.close();
    }
  }

  #readerOf(room: string): StayingClient {
    const reader = this.writers.clients.find(({ user }) => this.#roomsOf(user).includes(room));
    if (reader === undefined) throw new RangeError(`nobody is in ${room}`);
    return reader;
  }

  /**
   * Returns the breaches that clients saw. After a loss of Redis a page may have holes for messages
   * that were never stored, and a message may come again under its id if it was stored at another
   * place.
   */
  #breaches(): string[] {
    const seen = this.writers.clients.flatMap(({ ledger }) => ledger.violations.splice(0));
    const breaches = seen
      .filter(({ detail }) => !/ was at /.test(detail))
      .filter(({ kind, detail }) => kind !== 'gap' || !/"recovered":false/.test(detail));
    const owed = this.writers.clients.flatMap(({ user, owed }) => owed.map((detail) => `${user}: ${detail}`));
    return [...breaches.map(({ kind, detail }) => `${kind}: ${detail}`), ...owed];
  }

  async #crashes(): Promise<string[]> {
    const faults: string[] = [];
    for (const [gateway, end] of this.#ends) {
      if (!gateway.ended) continue;
      const { code, signal } = await gateway.exited;
      const asMeant = end === 'left' ? code === 0 : end === 'killed' && signal === 'SIGKILL';
      if (!asMeant) faults.push(`${gateway.node} ended with ${code} ${signal}:\n${gateway.output.slice(-2000)}`);
    }
    return faults;
  }
}

interface MadeRoom {
  readonly room: string;
  readonly members: readonly string[];
}

/** Half of all messages go to the park. */
function roomsOf(user: string, made: readonly MadeRoom[]): readonly string[] {
  const mine = made.filter(({ members }) => members.includes(user)).map(({ room }) => room);
  return [...mine.map(() => 'park'), ...mine];
}

async function makeRooms(url: string, users: readonly string[]): Promise<MadeRoom[]> {
  const store = await openStore({ url });
  const rooms: MadeRoom[] = [];
  const make = async (kind: ManagedRoomKind, room: string, names: readonly string[]): Promise<void> => {
    const members: Person[] = names.map((id) => ({ id, name: id }));
    await store.rooms.create({ room, kind, title: '', owner: '', keepHistory: true, createdAt: Date.now(), expiresAt: undefined }, members);
    rooms.push({ room, members: names });
  };
  for (let i = 0; i < GROUPS; i++) await make('group', `group:${randomBytes(16).toString('base64url')}`, users);
  for (const pair of Array.from({ length: PAIRS }, (_, i) => users.slice(2 * i, 2 * i + 2))) {
    await make('dm', `dm:${randomBytes(16).toString('base64url')}`, pair);
  }
  await store.close();
  return rooms;
}
