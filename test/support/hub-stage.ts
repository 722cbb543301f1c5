import { openTokens } from '#libs/auth/tokens.ts';
import { type Backend, openRedisBackend } from '#libs/backend/backend.ts';
import { type HubParts, hubParts } from '#libs/backend/hub-parts.ts';
import { type Config, loadConfig } from '#libs/config/config.ts';
import { UnknownSignals } from '#libs/hub/delivery/unknown-signals.ts';
import { Hub } from '#libs/hub/hub.ts';
import { systemClock } from '#libs/hub/ports/clock.ts';
import type { Socket } from '#libs/hub/ports/socket.ts';
import type { Connection } from '#libs/hub/sessions/connection.ts';
import { Faults } from '#libs/hub/sessions/faults.ts';
import type { MessageWriter } from '#libs/messages/message-writer.ts';
import { openStore } from '#libs/store/store-postgres.ts';
import { createLogger } from '#libs/telemetry/logger.ts';
import { Metrics } from '#libs/telemetry/metrics.ts';
import { gatewaySettings } from '#services/gateway/run-gateway.ts';
import { AnswerLedger } from './answer-ledger.ts';
import { WatchedBackground } from './background.ts';
import { JWT_SECRET, signToken, type TokenClaims } from './jwt.ts';
import { muteStats } from './mute-stats.ts';
import { PostgresDatabase } from './postgres.ts';
import { type RedisReply, redisCommand } from './redis-command.ts';
import { RedisServer } from './redis-server.ts';
import type { ServerFrame } from './server-frame.ts';

const silent = createLogger({ node: 'stage', level: 'silent' });

/** Options of `HubStage`. */
export interface HubStageOptions {
  readonly env?: Readonly<Record<string, string>>;
  /** Wraps the backend of the hub. */
  readonly between?: (backend: Backend) => Backend;
}

/**
 * One real hub in this process, on a real Redis and a database of its own. Only the network is
 * played.
 */
export class HubStage {
  readonly backend: Backend;
  readonly hub: Hub;
  /** The hub's writer of messages. */
  readonly writer: MessageWriter;
  readonly faults: unknown[] = [];
  readonly background = new WatchedBackground();
  readonly #topics = new Map<string, Set<StageSocket>>();
  readonly #verify: ReturnType<typeof hubParts>['verify'];
  readonly #follow: HubParts['follow'];
  readonly #followRooms: HubParts['followRooms'];
  readonly #end: () => Promise<void>;
  #feeds: { stop(): Promise<void> }[] = [];

  /** Runs a command on its Redis. */
  readonly command: (...args: string[]) => Promise<RedisReply>;

  private constructor(backend: Backend, between: Backend, config: Config, redis: RedisServer, end: () => Promise<void>) {
    this.command = (...args) => redisCommand(redis.port, args);
    this.backend = backend;
    this.#end = end;
    const settings = gatewaySettings(config);
    const parts = hubParts(config, openTokens(config).verifier, between, silent, this.background);
    this.writer = parts.writer;
    this.#verify = parts.verify;
    this.#follow = parts.follow;
    this.#followRooms = parts.followRooms;
    this.hub = new Hub({
      ...settings,
      ...between,
      ...parts,
      node: config.nodeId,
      clock: systemClock,
      background: this.background,
      faults: new Faults({
        log: { error: (bug: unknown) => void this.faults.push(bug) },
        met: () => undefined,
      }),
      unknownSignals: new UnknownSignals({ log: silent, ignored: () => undefined, steady: () => systemClock.steady() }),
      fanout: {
        publish: (topic, frame) => {
          for (const socket of this.#topics.get(topic) ?? []) socket.send(frame);
        },
      },
      userBytes: { rate: settings.userBytesPerSecond, burst: settings.userBytesBurst },
      frameLimits: { rate: settings.frameRate, burst: settings.frameBurst },
      stats: muteStats(),
    });
  }

  static async start(options: HubStageOptions = {}): Promise<HubStage> {
    const [redis, database] = await Promise.all([RedisServer.start(), PostgresDatabase.create()]);
    const env = {
      REDIS_URL: redis.url,
      DATABASE_URL: database.url,
      JWT_SECRET,
      OPEN_ROOMS: 'on',
      FRAME_RATE: '0',
      CONNECTIONS_PER_USER: '0',
      USER_BYTES_PER_SECOND: '0',
      HISTORY_PAGES_PER_SECOND: '0',
    };
    const config = loadConfig('gateway', { ...env, ...options.env });
    const store = await openStore({ url: database.url });
    const metrics = new Metrics({ version: 'test' });
    const backend = await openRedisBackend(redis.url, config, { node: config.nodeId, store, metrics, log: silent });
    const stage = new HubStage(backend, options.between?.(backend) ?? backend, config, redis, async () => {
      await backend.close();
      await redis.stop();
      await database.drop();
    });
    stage.#feeds = [
      await stage.#follow((revocation) => stage.hub.revoke(revocation)),
      await stage.#followRooms(() => stage.hub.lostAccess),
    ];
    await stage.hub.start();
    return stage;
  }

  /** Connects a user. Resolves when the socket is open. */
  async connect(claims: TokenClaims, { wantsEvents = false, takesBatches = false } = {}): Promise<StageClient> {
    const bearer = await this.#verify(signToken(claims));
    const connection = this.hub.admit({ bearer, session: 'stage', firstJoin: undefined, wantsEvents, takesBatches });
    return new StageClient(this.hub, connection, (topic) => {
      const sockets = this.#topics.get(topic) ?? new Set();
      this.#topics.set(topic, sockets);
      return sockets;
    });
  }

  async stop(): Promise<void> {
    await this.hub.drain(0);
    await Promise.all(this.#feeds.map((feed) => feed.stop()));
    await this.#end();
  }
}

interface StageSocket {
  send(frame: string | Uint8Array): void;
}

/** A client that records its frames. */
export class StageClient {
  readonly frames: ServerFrame[] = [];
  /** The received frames as text. */
  readonly texts: string[] = [];
  readonly ledger = new AnswerLedger();
  /** Frames of the hub that no rule allows. */
  readonly wrong: unknown[] = [];
  closed: { readonly code: number; readonly reason: string } | undefined;
  readonly connection: Connection;
  readonly #hub: Hub;
  #heard: (() => void) | undefined;

  constructor(hub: Hub, connection: Connection, topic: (name: string) => Set<StageSocket>) {
    this.#hub = hub;
    this.connection = connection;
    const subscribed = new Set<Set<StageSocket>>();
    const socket: Socket & StageSocket = {
      send: (frame) => {
        this.#take(Buffer.from(frame).toString());
        return 1;
      },
      end: (code, reason) => {
        if (this.closed !== undefined) return;
        this.closed = { code, reason };
        for (const sockets of subscribed) sockets.delete(socket);
        hub.closed(connection);
        this.#heard?.();
      },
      subscribe: (name) => {
        subscribed.add(topic(name));
        topic(name).add(socket);
      },
      unsubscribe: (name) => topic(name).delete(socket),
      publish: (name, frame) => {
        for (const other of topic(name)) if (other !== socket) other.send(frame);
      },
      // As good clients do.
      ping: (text) => setImmediate(() => this.closed ?? hub.ponged(connection, text)),
      getBufferedAmount: () => 0,
    };
    this.close = () => socket.end(1000, '');
    hub.opened(connection, socket);
  }

  /** Disconnects. */
  readonly close: () => void;

  send(frame: { readonly type: string; readonly id?: string; readonly [member: string]: unknown }): void {
    this.raw(JSON.stringify(frame));
  }

  /** Sends a text as a frame. */
  raw(text: string): void {
    this.ledger.sent(JSON.parse(text));
    this.#hub.received(this.connection, text);
  }

  /** Resolves when the condition holds for the received frames. */
  async until(holds: () => boolean): Promise<void> {
    while (!holds()) {
      await new Promise<void>((resolve) => {
        this.#heard = resolve;
      });
    }
  }

  #take(text: string): void {
    const frame = JSON.parse(text);
    this.texts.push(text);
    this.frames.push(frame);
    try {
      this.ledger.received(frame);
    } catch (error) {
      this.wrong.push(error);
    }
    this.#heard?.();
  }
}
