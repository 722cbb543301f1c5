import { Command, type Redis } from 'ioredis';
import { HubError } from '#libs/protocol/errors.ts';
import { CommandBatch } from './command-batch.ts';
import type { Logger } from './logger.ts';

/** One master that commands go to. */
export interface RedisMaster {
  /** Stays the same over reconnects, and over a Sentinel fail-over; on a Cluster it is `host:port`. */
  readonly id: string;
  readonly host: string;
  readonly port: number;
  /** `run_id` of the server process behind the present connection; empty while there was none. */
  readonly runId: string;
  readonly up: boolean;
}

/** An argument of a command. */
export type RedisArgument = string | number | Buffer;

export interface MasterOptions {
  readonly id: string;
  /** Milliseconds without a reply after which the connection counts as dead. */
  readonly commandTimeoutMs: number;
  readonly log: Logger;
  readonly onUp: (master: MasterConnection) => void;
  readonly onDown: (master: MasterConnection) => void;
}

/** SET with NX and GET, and sharded channels. */
const OLDEST_VERSION = 7;
const REVIVE_MS = 100;

/** Commands that left in one write. */
interface Flight {
  readonly at: number;
  /** Count of commands written on this connection up to and with the last of the flight. */
  readonly last: number;
}

/**
 * The command connection to one master, over ioredis with its queues off: what is written while the connection is not whole fails, and
 * what was in flight when it broke fails, its effect unknown.
 *
 * `up` means that `run_id` was asked for on this very connection, so that a script can be told which server process runs it.
 */
export class MasterConnection implements RedisMaster {
  readonly id: string;
  host = '';
  port = 0;
  runId = '';
  up = false;
  /** Told to scripts' first use on a connection. */
  readonly #loaded = new Set<string>();
  readonly #redis: Redis;
  readonly #options: MasterOptions;
  readonly #watch: NodeJS.Timeout;
  /** There while `up`. */
  #batch: CommandBatch | undefined;
  #written = 0;
  #settled = 0;
  #flights: Flight[] = [];
  #attemptSince = performance.now();
  #lastWatch = performance.now();
  #closed = false;

  /** @param redis A client that was made by `redis-clients.ts`; this object owns it from here on. */
  constructor(redis: Redis, options: MasterOptions) {
    this.id = options.id;
    this.#redis = redis;
    this.#options = options;
    redis.on('connecting', () => {
      this.#attemptSince = performance.now();
    });
    redis.on('ready', () => this.#onReady());
    redis.on('close', () => this.#goDown());
    redis.on('end', () => this.#revive());
    redis.on('error', (error: Error) => this.#options.log.warn({ master: this.id, err: error }, 'redis connection'));
    this.#watch = setInterval(() => this.#check(), Math.max(20, options.commandTimeoutMs / 8));
    this.#watch.unref();
  }

  /**
   * Writes one command. Commands of one event-loop turn leave in one write.
   * Rejects with what ioredis rejects with; `UNAVAILABLE` when the connection is not whole.
   */
  send(name: string, args: RedisArgument[], buffers: boolean): Promise<unknown> {
    const batch = this.#batch;
    if (batch === undefined) return Promise.reject(new HubError('UNAVAILABLE', `Redis ${this.id} is away.`));
    this.#written++;
    const command = new Command(name, args, { replyEncoding: buffers ? null : 'utf8' });
    this.#redis.sendCommand(command, batch);
    return command.promise.then(this.#onReply, this.#onError);
  }

  /** True the first time it is asked for a script on the present connection. */
  firstUse(sha: string): boolean {
    if (this.#loaded.has(sha)) return false;
    this.#loaded.add(sha);
    return true;
  }

  /** The server said that it does not know a script: all have to be loaded again. */
  forgetScripts(): void {
    this.#loaded.clear();
  }

  /** Breaks the connection, so that a new one is made: everything in flight fails. */
  reset(reason: string): void {
    if (this.#closed) return;
    this.#options.log.warn({ master: this.id, reason }, 'redis connection given up');
    this.#attemptSince = performance.now();
    this.#redis.stream?.destroy();
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    clearInterval(this.#watch);
    this.#goDown();
    this.#redis.disconnect();
    this.#redis.stream?.destroy();
  }

  readonly #onReply = (value: unknown): unknown => {
    this.#settled++;
    return value;
  };

  readonly #onError = (error: unknown): never => {
    this.#settled++;
    throw error;
  };

  #onReady(): void {
    const stream = this.#redis.stream;
    this.#redis.info('server').then(
      (info) => {
        if (this.#closed || this.#redis.stream !== stream || stream.destroyed) return;
        this.runId = /^run_id:(\S+)/m.exec(info)?.[1] ?? '';
        const version = /^redis_version:(\S+)/m.exec(info)?.[1] ?? '';
        if (Number.parseInt(version, 10) < OLDEST_VERSION) {
          this.#options.log.error({ master: this.id, version }, `Redis ${OLDEST_VERSION}.0 or newer is needed`);
        }
        this.host = 'remoteAddress' in stream ? (stream.remoteAddress ?? '') : '';
        this.port = 'remotePort' in stream ? (stream.remotePort ?? 0) : 0;
        this.#batch = new CommandBatch(stream, () => this.#flights.push({ at: performance.now(), last: this.#written }));
        this.#written = this.#settled = 0;
        this.#flights = [];
        this.#loaded.clear();
        this.up = true;
        this.#options.log.info({ master: this.id, host: this.host, port: this.port }, 'redis connection up');
        this.#options.onUp(this);
      },
      (error: unknown) => this.reset(String(error)),
    );
  }

  /**
   * ioredis gives up for good when a sentinel announces another master at the moment it asks the sentinels for one: its connector takes the
   * announcement for an order to stop. A hub never stops on its own.
   */
  #revive(): void {
    this.#goDown();
    setTimeout(() => {
      if (!this.#closed && this.#redis.status === 'end') this.#redis.connect().catch(() => undefined);
    }, REVIVE_MS).unref();
  }

  #goDown(): void {
    this.#batch = undefined;
    if (!this.up) return;
    this.up = false;
    this.#options.onDown(this);
  }

  /** Gives up a connection whose oldest command waits too long, or that does not become whole. */
  #check(): void {
    const now = performance.now();
    const late = now - this.#lastWatch > this.#options.commandTimeoutMs / 2;
    this.#lastWatch = now;
    // This process itself was stopped or busy: the replies may be waiting in the socket, so let it be read first.
    if (late) return;
    if (!this.up) {
      if (now - this.#attemptSince > this.#options.commandTimeoutMs) this.reset('does not answer');
      return;
    }
    let done = 0;
    for (const flight of this.#flights) {
      if (flight.last > this.#settled) break;
      done++;
    }
    if (done > 0) this.#flights.splice(0, done);
    const oldest = this.#flights[0];
    if (oldest !== undefined && now - oldest.at > this.#options.commandTimeoutMs) this.reset('command timed out');
  }
}
