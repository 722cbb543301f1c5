/** A hub whose programs are replaced one after the other, and people who notice nothing of it. */
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { expect } from 'vitest';
import type * as Sdk from '#libs/client/index.ts';
import { Retention } from '#libs/messages/room-access.ts';
import { RoomHistory } from '#libs/messages/room-history.ts';
import type { ManagedRoomKind } from '#libs/protocol/room-kinds.ts';
import type { Store } from '#libs/store/store.ts';
import type * as StorePostgres from '#libs/store/store-postgres.ts';
import { openStore } from '#libs/store/store-postgres.ts';
import { SERVICE_KEY } from '#test/support/access-scenario.ts';
import { ApiProcess } from '#test/support/api-process.ts';
import { Child } from '#test/support/child.ts';
import { FleetClient, type FleetClientOptions } from '#test/support/client-fleet.ts';
import { Crowd } from '#test/support/crowd.ts';
import type { GatewayProcess } from '#test/support/gateway-process.ts';
import { HistoryAudit } from '#test/support/history-audit.ts';
import { PostgresDatabase } from '#test/support/postgres.ts';
import { moduleOf, previousVersion } from '#test/support/previous-version.ts';
import type { Random } from '#test/support/random.ts';
import { RedisServer } from '#test/support/redis-server.ts';
import { SmtpServer } from '#test/support/smtp-server.ts';
import type { StayingClient } from '#test/support/staying-client.ts';
import { TestHub } from '#test/support/test-hub.ts';
import { until } from '#test/support/wait.ts';
import { WorkerProcess } from '#test/support/worker-process.ts';
import { Writers } from '#test/support/writers.ts';

/** A version of the programs. */
export type Version = 'old' | 'new';

/** A room with history, and its members. */
interface MadeRoom {
  readonly room: string;
  readonly members: readonly string[];
}

const NEW = join(import.meta.dirname, '..', '..');
const USERS = Array.from({ length: 12 }, (_, i) => `w${i}`);
/** Members of rooms who come and go. */
export const SLEEPERS: readonly string[] = ['sleeper0', 'sleeper1'];
/** Each writer, and each in the crowd, says something about as often, milliseconds. */
const EVERY_MS = 200;
const PATIENCE = { timeoutMs: 60_000 };

/**
 * Two gateways, an API and a worker on one Redis and one PostgreSQL, each of the old or the new
 * version. Writers talk in rooms with history, a crowd in a room with a stream only. Half of them
 * use the client of the old version.
 */
export class UpgradeStage {
  readonly redis: RedisServer;
  readonly database: PostgresDatabase;
  readonly mail: SmtpServer;
  readonly hub: TestHub<RedisServer>;
  readonly audit = new HistoryAudit();
  readonly #old: string;
  readonly #random: Random;
  readonly #versions = new Map<GatewayProcess, Version>();
  #api: ApiProcess | undefined;
  #worker: WorkerProcess | undefined;
  #writers: Writers | undefined;
  #crowd: Crowd | undefined;
  #made: readonly MadeRoom[] = [];
  #oldSdk: typeof Sdk.ParleyClient | undefined;

  private constructor(old: string, random: Random, parts: Pick<UpgradeStage, 'redis' | 'database' | 'mail' | 'hub'>) {
    this.#old = old;
    this.#random = random;
    this.redis = parts.redis;
    this.database = parts.database;
    this.mail = parts.mail;
    this.hub = parts.hub;
  }

  /** Everything of it is old: schema, programs, rooms. */
  static async open(random: Random): Promise<UpgradeStage> {
    const old = previousVersion();
    const [redis, database, mail] = await Promise.all([RedisServer.start(), PostgresDatabase.create({ empty: true }), SmtpServer.start()]);
    const env = { DATABASE_URL: database.url, SMTP_URL: mail.url, API_KEYS: `warden:${SERVICE_KEY}` };
    const hub = await TestHub.start(redis, { gateways: 0, env });
    const stage = new UpgradeStage(old, random, { redis, database, mail, hub });
    await stage.migrate('old');
    await Promise.all([stage.replaceApi('old'), stage.replaceWorker('old'), stage.addGateway('old'), stage.addGateway('old')]);
    await stage.#gather();
    return stage;
  }

  get api(): ApiProcess {
    if (this.#api === undefined) throw new TypeError('no API runs');
    return this.#api;
  }

  get writers(): Writers {
    if (this.#writers === undefined) throw new TypeError('nobody writes');
    return this.#writers;
  }

  get crowd(): Crowd {
    if (this.#crowd === undefined) throw new TypeError('there is no crowd');
    return this.#crowd;
  }

  /** The people who stay from the beginning to the end. */
  get people(): number {
    return this.writers.clients.length + this.crowd.clients.length;
  }

  /** The index of a running gateway of a version. */
  gatewayOf(version: Version): number {
    const index = this.hub.gateways.findIndex((gateway) => !gateway.ended && this.#versions.get(gateway) === version);
    if (index < 0) throw new RangeError(`no gateway is ${version}`);
    return index;
  }

  /** Runs `migrate` of a version. */
  async migrate(version: Version): Promise<void> {
    const { PATH, HOME } = process.env;
    const env = { PATH, HOME, ...this.hub.settings };
    const child = new Child(process.execPath, [this.#program(version, 'migrate')], { env });
    expect((await child.exited).code, child.output).toBe(0);
  }

  /** Starts an API of a version, then ends the one before. */
  async replaceApi(version: Version): Promise<void> {
    const before = this.#api;
    this.#api = await ApiProcess.start(this.hub.settings, this.#program(version, 'api'));
    if (before !== undefined) expect(await before.stop()).toBe(0);
  }

  /** Starts a worker of a version, then ends the one before. */
  async replaceWorker(version: Version): Promise<void> {
    const before = this.#worker;
    this.#worker = await WorkerProcess.start(this.hub.settings, this.#program(version, 'worker'));
    if (before !== undefined) expect(await before.term()).toBe(0);
  }

  /** Does something while no worker runs, and starts one of a version afterwards. */
  async withoutWorker(version: Version, work: () => Promise<void>): Promise<void> {
    expect(await this.#worker?.term()).toBe(0);
    this.#worker = undefined;
    await work();
    await this.replaceWorker(version);
  }

  async addGateway(version: Version): Promise<void> {
    const gateway = await this.hub.add({ DRAIN_SECONDS: '3' }, [process.execPath, this.#program(version, 'gateway')]);
    this.#versions.set(gateway, version);
  }

  /** Ends a gateway of a version in order, after a look at the signals that it did not know. */
  async endGateway(version: Version): Promise<void> {
    const gateway = this.hub.gateway(this.gatewayOf(version));
    await this.#understood(gateway);
    expect(await gateway.term()).toBe(0);
  }

  talk(prefix: string): void {
    this.writers.talk(prefix, EVERY_MS);
    this.crowd.talk(EVERY_MS);
  }

  /** Resolves when this many more messages are acknowledged, in rooms of both kinds. */
  async progress(messages: number): Promise<void> {
    await Promise.all([this.writers.progress(messages), this.crowd.progress(messages)]);
  }

  /**
   * Stops the messages and returns every fault: of what was acked, what each client got, and how
   * many are online.
   */
  async faults(): Promise<string[]> {
    await Promise.all([this.writers.rest(), this.crowd.rest()]);
    const members = new Map(this.#made.map(({ room, members: all }) => [room, all.filter((user) => USERS.includes(user))]));
    const unseen = (): string[] => {
      for (const { user, shown } of this.writers.clients) this.audit.shown(user, shown.splice(0));
      return this.audit.unseen(members);
    };
    await until(() => unseen().length === 0, { ...PATIENCE, describe: () => unseen().slice(0, 10).join('\n') });
    const stream = this.crowd.compare();
    const seen = [...stream.violations, ...this.writers.clients.flatMap(({ ledger }) => ledger.violations)];
    const lost = [...this.writers.clients, ...this.crowd.clients].flatMap(({ user, ledger, owed, closes }) => [
      ...owed.map((detail) => `${user}: ${detail}`),
      ...closes.filter(({ code }) => code !== 'DRAINING').map((close) => `${user} was closed: ${JSON.stringify(close)}`),
      ...ledger.rooms.filter((room) => ledger.told(room) > 0).map((room) => `${user} was told of a loss in ${room}`),
    ]);
    for (const gateway of this.hub.living) await this.#understood(gateway);
    await this.#counted();
    return [...seen.map(({ kind, detail }) => `${kind}: ${detail}`), ...lost, ...(await this.#stored())];
  }

  /** A member who comes to a gateway of this version. */
  visitor(user: string, version: Version, sdk: FleetClientOptions['sdk']): FleetClient {
    return new FleetClient({ user, url: () => this.hub.gateway(this.gatewayOf(version)).url, sdk });
  }

  /** The client of a version. */
  sdk(version: Version): FleetClientOptions['sdk'] {
    return version === 'old' ? this.#oldSdk : undefined;
  }

  /** The texts of the rooms of a user, in order, that others said since this many acks. */
  saidTo(user: string, since: number): Map<string, string[]> {
    const rooms = new Map(this.#made.filter(({ members }) => members.includes(user)).map(({ room }) => [room, [] as string[]]));
    const said = this.audit.acks.slice(since).toSorted((one, other) => one.offset - other.offset);
    for (const { room, text } of said) rooms.get(room)?.push(text);
    return rooms;
  }

  /** Asks the API of this moment for the mail of a login, and resolves with the code in it. */
  async loginCode(account: string): Promise<string> {
    expect((await this.api.post('/auth/code', { account })).status).toBe(202);
    return (await this.mail.next(account)).code ?? '';
  }

  async close(): Promise<void> {
    await Promise.all([this.#writers?.close(), this.#crowd?.close()]);
    await Promise.all([this.#api?.kill9(), this.#worker?.kill9()]);
    await this.hub.stop();
    await Promise.all([this.database.drop(), this.mail.stop()]);
  }

  printLogs(): void {
    this.hub.printLogs();
    for (const program of [this.#api, this.#worker]) console.error(program?.output.slice(-3000));
  }

  #program(version: Version, name: string): string {
    return join(version === 'old' ? this.#old : NEW, 'services', name, 'main.ts');
  }

  async #gather(): Promise<void> {
    const { openStore: openOld } = await moduleOf<typeof StorePostgres>(this.#old, 'libs/store/store-postgres.ts');
    this.#oldSdk = (await moduleOf<typeof Sdk>(this.#old, 'libs/client/index.ts')).ParleyClient;
    const store = await openOld({ url: this.database.url });
    try {
      this.#made = await makeRooms(store);
    } finally {
      await store.close();
    }
    const url = (): string => this.#random.pick(this.hub.living).url;
    const sdk = (user: string): FleetClientOptions['sdk'] => this.sdk(Number(user.at(-1)) % 2 === 0 ? 'old' : 'new');
    const rooms = (user: string): readonly string[] => roomsOf(user, this.#made);
    [this.#writers, this.#crowd] = await Promise.all([
      Writers.gather({ users: USERS, rooms, random: this.#random, url, audit: this.audit, sdk }),
      Crowd.gather({
        room: 'room-with-a-stream',
        random: this.#random,
        on: USERS.slice(0, 8).map((_, i) => this.hub.gateway(i % 2)),
        back: url,
        sdk,
      }),
    ]);
  }

  /** No node meets a signal that it does not know. */
  async #understood(gateway: GatewayProcess): Promise<void> {
    expect(await gateway.metric('parley_unknown_signals_total'), `${this.#versions.get(gateway)} knows every signal`).toBe(0);
    expect(await gateway.metric('parley_faults_total'), `${this.#versions.get(gateway)} has no bug`).toBe(0);
  }

  /** Every gateway counts all who are there, and nobody twice. */
  async #counted(): Promise<void> {
    const { people } = this;
    for (const gateway of this.hub.living) {
      const online = (): Promise<number> => gateway.metric('parley_users_online');
      await until(async () => (await online()) === people, { ...PATIENCE, describe: () => `${people} are online` });
    }
  }

  async #stored(): Promise<string[]> {
    const store = await openStore({ url: this.database.url });
    try {
      const access = { read: async () => Retention.history };
      const broker = { before: () => Promise.reject(new TypeError('a stream was read for a room that keeps history')) };
      const readers = new Map<string, StayingClient>();
      for (const client of this.writers.clients) for (const room of roomsOf(client.user, this.#made)) readers.set(room, client);
      // Not those of other rooms, in which texts come twice.
      const ours = { query: async (sql: string) => (await this.database.query(sql)).filter(({ room }) => readers.has(String(room))) };
      return await this.audit.faults(ours, readers, new RoomHistory({ access, messages: store.messages, broker }));
    } finally {
      await store.close();
    }
  }
}

function roomsOf(user: string, made: readonly MadeRoom[]): readonly string[] {
  return ['park', ...made.filter(({ members }) => members.includes(user)).map(({ room }) => room)];
}

/** Rooms of every kind that keep history. The sleepers are in some of each kind that waits for them. */
async function makeRooms(store: Pick<Store, 'rooms'>): Promise<readonly MadeRoom[]> {
  const [sleeper0 = '', sleeper1 = ''] = SLEEPERS;
  const plan: readonly (readonly [ManagedRoomKind, readonly string[]])[] = [
    ['group', [...USERS, ...SLEEPERS]],
    ['group', [...USERS.slice(0, 6), sleeper1]],
    ['dm', ['w0', 'w1']],
    ['dm', ['w2', sleeper0]],
    ['pair', ['w3', 'w4']],
    ['pair', ['w5', sleeper1]],
  ];
  const rooms: MadeRoom[] = [];
  for (const [kind, members] of plan) {
    const room = `${kind}:${randomBytes(16).toString('base64url')}`;
    const people = members.map((id) => ({ id, name: id }));
    await store.rooms.create({ room, kind, title: '', owner: '', keepHistory: true, createdAt: Date.now(), expiresAt: undefined }, people);
    rooms.push({ room, members });
  }
  return rooms;
}
