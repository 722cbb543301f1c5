/** The command connection to one master of Redis. */
import { setTimeout as delay } from 'node:timers/promises';
import { Command, type Redis } from 'ioredis';
import { HubError } from '#libs/protocol/errors.ts';
import { type CommandTiming, CommandTimings } from './command-timings.ts';
import type { Logger } from './logger.ts';
import { checkedName } from './redis-clients.ts';

type Stream = Redis['stream'];

/**
 * Collects the commands of one event-loop turn and writes them at once. ioredis writes each command
 * by itself, and the system calls of small writes cost more than the rest of the work. It replaces
 * ioredis's own pipeline, which allocates more.
 */
export class CommandBatch {
  readonly isPipeline = true;
  readonly destination: { readonly redis: { readonly stream: Stream } };
  readonly #onFlush: () => void;
  #text = '';
  #buffers: Buffer[] = [];
  #scheduled = false;

  /** @param onFlush Called after each write. */
  constructor(stream: Stream, onFlush: () => void) {
    this.destination = { redis: { stream } };
    this.#onFlush = onFlush;
  }

  /**
   * For ioredis: takes an encoded command and writes it at the end of this turn. If the connection
   * breaks before, the command is lost.
   */
  write(data: string | Buffer): void {
    if (typeof data === 'string') {
      this.#text += data;
    } else {
      if (this.#text !== '') this.#buffers.push(Buffer.from(this.#text));
      this.#text = '';
      this.#buffers.push(data);
    }
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => this.#flush());
  }

  #flush(): void {
    const { stream } = this.destination.redis;
    const text = this.#text;
    const buffers = this.#buffers;
    this.#scheduled = false;
    this.#text = '';
    if (stream.destroyed) return;
    if (buffers.length === 0) {
      stream.write(text);
    } else {
      this.#buffers = [];
      if (text !== '') buffers.push(Buffer.from(text));
      stream.write(Buffer.concat(buffers));
    }
    this.#onFlush();
  }
}

/** A master, as its users see it. */
export interface RedisMaster {
  /** The same over reconnects and over a Sentinel fail-over. On a Cluster it is `host:port`. */
  readonly id: string;
  readonly host: string;
  readonly port: number;
  /** The `run_id` of the server process behind the last connection; empty before the first. */
  readonly runId: string;
  readonly up: boolean;
  /** The host name that the certificate was checked against; undefined without TLS. */
  readonly serverName: string | undefined;
  /** Why the connection is not up, if known. */
  readonly trouble: Trouble | undefined;
}

/** A failure, and the command or step that failed. */
export interface Trouble {
  readonly error: Error;
  readonly command: string;
}

/** An argument of a command. */
export type RedisArgument = string | number | Buffer;

/** Options of `MasterConnection`. */
export interface MasterOptions {
  readonly id: string;
  /** Milliseconds without a reply after which the connection counts as dead. */
  readonly commandTimeoutMs: number;
  readonly log: Logger;
  readonly onUp: (master: MasterConnection) => void;
  readonly onDown: (master: MasterConnection) => void;
}

/**
 * Milliseconds between two checks whether the server has loaded its data, and milliseconds before a
 * new attempt.
 */
const LOADING_MS = 200;
const REVIVE_MS = 100;

/** The commands of one write. */
interface Flight {
  readonly at: number;
  /** The number of commands written on this connection, up to the last one of this write. */
  readonly last: number;
}

/**
 * The command connection to one master, over ioredis without its queues. A command fails if the
 * connection is not up. If the connection breaks, the commands in flight fail, and their effect is
 * unknown.
 *
 * `up` means that `run_id` was read over this connection. So a script can get the id of the server
 * that runs it.
 */
export class MasterConnection implements RedisMaster {
  readonly id: string;
  host = '';
  port = 0;
  runId = '';
  up = false;
  serverName: string | undefined;
  trouble: Trouble | undefined;
  /** SHA-1s of the scripts that were loaded over the present connection. */
  readonly #loaded = new Set<string>();
  readonly #redis: Redis;
  readonly #options: MasterOptions;
  readonly #watch: NodeJS.Timeout;
  /** Set while `up`. */
  #batch: CommandBatch | undefined;
  #written = 0;
  #settled = 0;
  #flights: Flight[] = [];
  readonly #timings = new CommandTimings();
  #attemptSince = performance.now();
  #lastWatch = performance.now();
  #closed = false;

  /** @param redis A client made by `redis-clients.ts`. This object owns it from now on. */
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
      this.#options.log.warn({ master: this.id, err: error }, 'redis connection failed');
    });
    this.#watch = setInterval(() => this.#check(), Math.max(20, options.commandTimeoutMs / 8));
    this.#watch.unref();
  }

  /**
   * Writes one command. Commands of one event-loop turn leave in one write.
   *
   * @param buffers Whether the reply has Buffers in place of strings.
   * @param timing Records the time until the reply.
   * @returns The reply. Rejects with the error of ioredis, or with `UNAVAILABLE` if the connection
   *   is not up.
   */
  send(name: string, args: RedisArgument[], buffers: boolean, timing?: CommandTiming): Promise<unknown> {
    const batch = this.#batch;
    if (batch === undefined) return Promise.reject(new HubError('UNAVAILABLE', `Redis ${this.id} is away.`));
    this.#written++;
    this.#timings.sent(timing);
    const command = new Command(name, args, { replyEncoding: buffers ? null : 'utf8' });
    this.#redis.sendCommand(command, batch);
    return command.promise.then(this.#onReply, this.#onError);
  }

  /** Returns true for the first use of a script on the present connection. */
  firstUse(sha: string): boolean {
    if (this.#loaded.has(sha)) return false;
    this.#loaded.add(sha);
    return true;
  }

  /** Forgets the loaded scripts: the server did not know one, so each is loaded again. */
  forgetScripts(): void {
    this.#loaded.clear();
  }

  /** Closes the connection; ioredis makes a new one. Commands in flight fail. */
  reset(reason: string): void {
    if (this.#closed) return;
    this.#options.log.warn({ master: this.id, reason }, 'redis connection closed by this node: it connects again');
    this.#attemptSince = performance.now();
    this.#redis.stream?.destroy();
  }

  /** Closes the connection for good. */
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
    this.#timings.settled();
    return value;
  };

  readonly #onError = (error: unknown): never => {
    this.#settled++;
    this.#timings.settled();
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
        this.#timings.clear();
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

  /**
   * Selects the database, and reads INFO after the server has loaded its data. Undefined if the
   * connection was replaced meanwhile.
   */
  async #greet(current: () => boolean): Promise<string | undefined> {
    let command = 'SELECT';
    try {
      // ioredis selects, too, but stays in database 0 if that fails.
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
      // A refused password is the cause. Later refusals follow from it.
      if (error instanceof Error && error.name === 'ReplyError') this.trouble ??= { error, command };
      throw error;
    }
  }

  /**
   * Connects again after ioredis ended. ioredis ends if a sentinel announces another master while
   * ioredis asks the sentinels for one: its connector treats the announcement as an order to stop.
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

  /** Closes a connection whose oldest command waits too long, or that does not come up in time. */
  #check(): void {
    const now = performance.now();
    const late = now - this.#lastWatch > this.#options.commandTimeoutMs / 2;
    this.#lastWatch = now;
    // This process was stopped or busy. Replies may wait in the socket, so they are read first.
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
