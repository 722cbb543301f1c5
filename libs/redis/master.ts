import { setTimeout as delay } from 'node:timers/promises';
import { Command, type Redis } from 'ioredis';
import { HubError } from '#libs/protocol/errors.ts';
import { CommandBatch } from './command-batch.ts';
import type { Logger } from './logger.ts';
import { checkedName } from './redis-clients.ts';

/** One master that commands go to. */
export interface RedisMaster {
  /** Stays the same over reconnects, and over a Sentinel fail-over; on a Cluster it is `host:port`. */
  readonly id: string;
  readonly host: string;
  readonly port: number;
  /** `run_id` of the server process behind the present connection; empty while there was none. */
  readonly runId: string;
  readonly up: boolean;
  /** The name that its certificate was checked against; undefined without TLS. */
  readonly serverName: string | undefined;
  /** Why the connection is not up, as far as is known. */
  readonly trouble: Trouble | undefined;
}

/** What went wrong last, and with which command or step. */
export interface Trouble {
  readonly error: Error;
  readonly command: string;
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

/** Milliseconds between two questions whether the server has read its data. */
const LOADING_MS = 200;
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
  serverName: string | undefined;
  trouble: Trouble | undefined;
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
    redis.on('connect', () => {
      this.trouble = undefined;
    });
    redis.on('ready', () => this.#onReady());
    redis.on('close', () => this.#goDown());
    redis.on('end', () => this.#revive());
    redis.on('error', (error: Error) => {
      this.trouble = { error, command: 'AUTH' };
      this.#options.log.warn({ master: this.id, err: error }, 'redis connection');
    });
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
    const { stream } = this.#redis;
    const current = (): boolean => !this.#closed && this.#redis.stream === stream && !stream.destroyed;
    this.#greet(current).then(
      (info) => {
        if (info === undefined || !current()) return;
        this.runId = /^run_id:(\S+)/m.exec(info)?.[1] ?? '';
        this.host = 'remoteAddress' in stream ? (stream.remoteAddress ?? '') : '';
        this.port = 'remotePort' in stream ? (stream.remotePort ?? 0) : 0;
        this.serverName = checkedName(this.#redis);
        this.#batch = new CommandBatch(stream, () => this.#flights.push({ at: performance.now(), last: this.#written }));
        this.#written = this.#settled = 0;
        this.#flights = [];
        this.#loaded.clear();
        this.up = true;
        this.trouble = undefined;
        this.#options.log.info({ master: this.id, host: this.host, port: this.port }, 'redis connection up');
        this.#options.onUp(this);
      },
      (error: unknown) => {
        if (current()) this.reset(String(error));
      },
    );
  }

  /** Takes the database, and asks who the server is, once it has read its data. Undefined where the connection is another one by then. */
  async #greet(current: () => boolean): Promise<string | undefined> {
    let command = 'SELECT';
    try {
      // ioredis selects, too, and goes on in database 0 where that fails.
      const { db = 0 } = this.#redis.options;
      if (db !== 0) await this.#redis.select(db);
      command = 'INFO';
      for (;;) {
        const info = await this.#redis.info();
        if (!/^loading:1/m.test(info)) return info;
        await delay(LOADING_MS, undefined, { ref: false });
        if (!current()) return undefined;
        this.#attemptSince = performance.now();
      }
    } catch (error) {
      // A refused password is what counts, not that nothing is allowed without one.
      if (error instanceof Error && error.name === 'ReplyError') this.trouble ??= { error, command };
      throw error;
    }
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
