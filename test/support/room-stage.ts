import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { FastifyInstance } from 'fastify';
import { onTestFinished } from 'vitest';
import { OriginPolicy } from '#libs/auth/origin-policy.ts';
import type { BrokerListener, Topic } from '#libs/broker/broker.ts';
import { BrokerRedis } from '#libs/broker/broker-redis.ts';
import type { JobOutcome } from '#libs/jobs/jobs.ts';
import { MessageWriter } from '#libs/messages/message-writer.ts';
import { RoomHistory } from '#libs/messages/room-history.ts';
import type { Presence } from '#libs/presence/presence.ts';
import { PresenceRedis } from '#libs/presence/presence-redis.ts';
import { RedisLink } from '#libs/redis/redis-link.ts';
import type { Pairing } from '#libs/rooms/matchmaker.ts';
import { People } from '#libs/rooms/people.ts';
import { RoomEntry, RoomRules } from '#libs/rooms/room-entry.ts';
import { type RoomServices, roomServices } from '#libs/rooms/room-services.ts';
import { ServicePublisher } from '#libs/rooms/service-publisher.ts';
import type { Store } from '#libs/store/store.ts';
import { openStore } from '#libs/store/store-postgres.ts';
import type { Logger } from '#libs/telemetry/logger.ts';
import { type ApiOptions, buildApi } from '#services/api/api.ts';
import { asyncApiRoutes } from '#services/api/asyncapi-document.ts';
import { conversationRoutes } from '#services/api/conversation-routes.ts';
import { matchRoutes } from '#services/api/match-routes.ts';
import { memberRoutes, roomRoutes } from '#services/api/room-routes.ts';
import { serviceRoutes } from '#services/api/service-routes.ts';
import { roomExpiry } from '#services/worker/room-expiry.ts';
import { ApiDocument } from './api-document.ts';
import { ApiDoor } from './api-door.ts';
import { WatchedBackground } from './background.ts';
import { PostgresDatabase } from './postgres.ts';
import { PresenceNode } from './presence-node.ts';
import { until } from './wait.ts';

const SERVICE_KEY = 'k'.repeat(40);

/** A logger that writes nothing. */
export const SILENT: Logger = {
  trace: nothing,
  debug: nothing,
  info: nothing,
  warn: nothing,
  error: nothing,
  fatal: nothing,
  child: () => SILENT,
};

function nothing(): void {}

/** A person with a token. */
export interface StagePerson {
  readonly id: string;
  readonly name: string;
  readonly kind: string;
  readonly rooms?: readonly string[];
}

/** Makes a person with a token. */
export function bearer(id: string, kind = 'user', more: Partial<StagePerson> = {}): StagePerson {
  return { id, name: `Name of ${id}`, kind, ...more };
}

/** An answer of the API. */
export interface Answer {
  readonly status: number;
  // biome-ignore lint/suspicious/noExplicitAny: whatever an answer's body is, tests say what it has to be
  readonly body: any;
  /** The values of `Set-Cookie`, if there are any. */
  readonly cookies?: readonly string[];
}

/** One instance of the API, as in a process of its own. */
export class StageApi {
  readonly app: FastifyInstance;
  readonly rooms: RoomServices;
  readonly presence: Presence;
  readonly document: ApiDocument;
  readonly #door: ApiDoor;

  constructor(app: FastifyInstance, door: ApiDoor, rooms: RoomServices, presence: Presence) {
    this.app = app;
    this.#door = door;
    this.rooms = rooms;
    this.presence = presence;
    this.document = new ApiDocument(app);
  }

  /**
   * Calls the API as a person, as a service (`'service'`), or without a token. Every answer is
   * checked against the OpenAPI document.
   */
  async call(
    method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE',
    path: string,
    as: StagePerson | 'service' | undefined,
    body?: unknown,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<Answer> {
    const url = path.startsWith('/.well-known/') ? path : `/api/v1${path}`;
    const token = as === 'service' ? SERVICE_KEY : as && Buffer.from(JSON.stringify(as)).toString('base64url');
    const reply = await this.#door.send({
      method,
      url,
      headers: {
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    this.document.check(method, url, reply);
    const cookies = reply.headers['set-cookie'];
    return {
      status: reply.status,
      body: reply.body.length === 0 ? undefined : JSON.parse(reply.body.toString()),
      ...(cookies === undefined ? {} : { cookies }),
    };
  }
}

/**
 * Rooms on a real Redis and a real PostgreSQL: instances of the API, and people online at a
 * stand-in for a gateway that receives their frames. It ends with the test.
 */
export class RoomStage {
  readonly store: Store;
  readonly database: PostgresDatabase;
  /** The planned expiries, in order: room and the time at which it closes, or undefined. */
  readonly planned: (readonly [room: string, expiresAt: number | undefined])[] = [];
  /** Milliseconds that the clock of all instances is ahead. */
  ahead = 0;
  readonly now = (): number => Date.now() + this.ahead;
  readonly #redisUrl: string;
  readonly #heard = new Map<string, string[]>();
  readonly broker: BrokerRedis;
  readonly #door: PresenceNode;
  readonly #prefix: string;

  private constructor(redisUrl: string, prefix: string, database: PostgresDatabase, store: Store, link: RedisLink) {
    this.#redisUrl = redisUrl;
    this.#prefix = prefix;
    this.database = database;
    this.store = store;
    this.broker = new BrokerRedis(link);
    this.#door = new PresenceNode(new PresenceRedis(link, { node: 'door', leaseMs: 60_000 }));
  }

  static async start(redisUrl: string): Promise<RoomStage> {
    const prefix = `t${randomUUID().slice(0, 8)}`;
    const database = await PostgresDatabase.create();
    onTestFinished(() => database.drop());
    const store = await openStore({ url: database.url, timeoutMs: 20_000 });
    onTestFinished(() => store.close());
    const link = RedisLink.open(redisUrl, { prefix, log: SILENT, commandTimeoutMs: 10_000 });
    onTestFinished(() => link.close());
    await link.ready(20_000);
    const stage = new RoomStage(redisUrl, prefix, database, store, link);
    await stage.broker.start(stage.#listener());
    onTestFinished(() => stage.broker.close());
    await stage.#door.start();
    onTestFinished(() => stage.#door.presence.close());
    return stage;
  }

  /** Another instance of the API, with connections of its own. */
  async api(more: Partial<ApiOptions> & { readonly openRooms?: boolean; readonly pairing?: Pairing } = {}): Promise<StageApi> {
    const { openRooms = true, pairing = 'waiting', ...parts } = more;
    const link = RedisLink.open(this.#redisUrl, { prefix: this.#prefix, log: SILENT, commandTimeoutMs: 10_000 });
    onTestFinished(() => link.close());
    await link.ready(20_000);
    const { store } = this;
    const broker = new BrokerRedis(link);
    const presence = new PresenceRedis(link, { node: 'api' });
    const rooms = roomServices({
      store,
      broker,
      presence,
      node: 'api',
      log: SILENT,
      pairing,
      scheduleExpiry: async (room, expiresAt) => void this.planned.push([room, expiresAt]),
      now: this.now,
      wait: (milliseconds) => delay(milliseconds, undefined, { ref: false }),
      failed: (error) => {
        throw error;
      },
    });
    const access = new RoomEntry({ ...store, rules: new RoomRules({ openRooms }), people: new People(store), now: Date.now });
    const history = new RoomHistory({ access, messages: store.messages, broker });
    const writer = new MessageWriter({
      broker,
      messages: store.messages,
      messageMaxChars: 200,
      conversationMaxChars: 2000,
      dataMaxBytes: 4096,
      now: Date.now,
      background: new WatchedBackground(),
    });
    const publisher = new ServicePublisher({ rooms: store.rooms, writer, kinds: rooms.kinds });
    const app = buildApi({
      log: SILENT,
      now: this.now,
      uuid: randomUUID,
      store,
      sign: () => 'token',
      verify: async (token) => {
        const { id, name, kind, rooms: open } = JSON.parse(Buffer.from(token, 'base64url').toString()) as StagePerson;
        return { userId: id, name, kind, expiresAt: Math.floor(Date.now() / 1000) + 900, ...(open === undefined ? {} : { rooms: open }) };
      },
      queueMail: async () => undefined,
      assertNotBanned: () => undefined,
      limits: { take: async () => 0 },
      addresses: { note: async () => undefined, ban: async () => undefined, bannedAt: async () => [] },
      services: [{ name: 'shop', key: SERVICE_KEY }],
      codeKeys: [new Uint8Array(32)],
      deviceKeys: [new Uint8Array(32)],
      answerKey: new Uint8Array(32),
      refreshKey: new Uint8Array(32),
      origins: new OriginPolicy({ publicUrl: undefined, allowedOrigins: [], log: SILENT, steady: Date.now }),
      allowGuests: true,
      allowCustomers: true,
      publicUrl: undefined,
      trustedProxyHops: 0,
      online: () => presence.online(),
      jwks: undefined,
      version: '1.2.3',
      routes: [
        roomRoutes({ rooms, history }),
        memberRoutes(rooms),
        matchRoutes(rooms),
        conversationRoutes(rooms),
        serviceRoutes({ broker, presence, publisher }),
        asyncApiRoutes('1.2.3'),
      ],
      page: undefined,
      ...parts,
    });
    onTestFinished(() => app.close());
    const door = await ApiDoor.open(app);
    onTestFinished(() => door.close());
    return new StageApi(app, door, rooms, presence);
  }

  /** Brings people online: known to the store, present, and listened for. */
  async arrive(...people: readonly StagePerson[]): Promise<void> {
    for (const { id, name, kind } of people) this.store.seen.touch({ user: id, name, kind, lastSeen: this.now() });
    await Promise.all(
      people.map(async ({ id }) => {
        await this.#door.connect(`c-${id}`, id);
        if (this.#heard.has(id)) return;
        this.#heard.set(id, []);
        await this.broker.subscribeUser(id);
      }),
    );
    const ids = people.map(({ id }) => id);
    await until(async () => (await this.store.seen.get(ids)).length === ids.length, { timeoutMs: 30_000, describe: 'they were seen' });
  }

  async depart(...people: readonly StagePerson[]): Promise<void> {
    await Promise.all(people.map(({ id }) => this.#door.disconnect(`c-${id}`)));
  }

  /**
   * Lets this many seconds pass. Meanwhile the sweeps run again and again, one after the other, as
   * on workers.
   */
  async pass(seconds: number, ...sweeps: readonly (() => Promise<void>)[]): Promise<void> {
    const end = this.ahead + seconds * 1000;
    for (let turn = 0; ; turn += 1) {
      await sweeps[turn % sweeps.length]?.();
      if (this.ahead >= end) return;
      this.ahead = Math.min(end, this.ahead + 10_000);
    }
  }

  /** Enters a joined room. */
  enter(room: string, { id }: StagePerson): Promise<number> {
    return this.#door.enter(room, id);
  }

  /** Publishes a finished message as a gateway does. */
  async publish(room: string, tail: string, at: number): Promise<void> {
    await this.broker.publish({ room, tail, key: null, at });
  }

  /** Runs the job of an expiring room, as a worker does. */
  expire(room: string): Promise<JobOutcome> {
    const run = roomExpiry({ rooms: this.store.rooms, broker: this.broker, now: Date.now });
    return run({ id: room, payload: { room }, attempt: 1 });
  }

  /** Listens to the channel of a room. */
  async listenTo(room: string): Promise<void> {
    this.#heard.set(`r:${room}`, []);
    await this.broker.subscribe(room, true);
  }

  /** Returns everything that arrived for a person, or for `r:<room>`. */
  heard(who: StagePerson | string): string[] {
    return this.#heard.get(typeof who === 'string' ? who : who.id) ?? [];
  }

  /** Returns the frames of one type that arrived for a person. */
  // biome-ignore lint/suspicious/noExplicitAny: tests say what a frame has to be
  frames(who: StagePerson, type: string): any[] {
    return this.heard(who)
      .filter((payload) => payload.startsWith('{'))
      .map((payload) => JSON.parse(payload))
      .filter((frame) => frame.type === type);
  }

  /** Resolves when every earlier frame for these people has arrived. */
  async settled(...people: readonly StagePerson[]): Promise<void> {
    const mark = `~mark ${randomUUID()}`;
    await Promise.all(people.map(({ id }) => this.broker.emit(`u:${id}`, mark)));
    await until(() => people.every((who) => this.heard(who).includes(mark)), { timeoutMs: 30_000, describe: 'marks were heard' });
  }

  /** Listens to the channel of all nodes. */
  async listenToAll(): Promise<void> {
    this.#heard.set('', []);
    await this.broker.subscribeUser('');
  }

  #listener(): BrokerListener {
    return {
      publication: nothing,
      signal: (topic: Topic, payload) => {
        const who = topic.startsWith('u:') ? topic.slice(2) : topic;
        this.#heard.get(who)?.push(Buffer.from(payload).toString());
      },
      reset: nothing,
      healed: nothing,
      connectivity: nothing,
    };
  }
}
