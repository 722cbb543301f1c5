/** The hub's connection to Redis, and the Lua scripts that it runs there. */
import { createHash } from 'node:crypto';
import { EventEmitter } from 'node:events';
import { readFileSync } from 'node:fs';
import calculateSlot from 'cluster-key-slot';
import { parseRedisUrl, type RedisTarget } from '#libs/config/redis-url.ts';
import { HubError } from '#libs/protocol/errors.ts';
import { ClusterMap } from './cluster-map.ts';
import type { CommandTiming } from './command-timings.ts';
import { RedisKeys } from './keys.ts';
import type { Logger } from './logger.ts';
import { MasterConnection, type RedisArgument, type RedisMaster, type Trouble } from './master.ts';
import { connectSentinel, connectServer } from './redis-clients.ts';

/** Options of `RedisLink`. */
export interface RedisLinkOptions {
  /** The start of every key and channel, see `RedisKeys`. */
  readonly prefix: string;
  readonly log: Logger;
  /** Milliseconds without a reply after which a connection counts as dead. Default 2,000. */
  readonly commandTimeoutMs?: number;
  readonly observe?: RedisObserver;
}

/** Hooks for metrics. */
export interface RedisObserver {
  /**
   * Returns the timing of a command (`ZADD`) or a script (`publish`). Called once for each: their
   * names are constants.
   */
  timing(command: string): CommandTiming;
}

/** Options of one call of `run`. */
export interface RunOptions {
  /**
   * Appends the `run_id` of the server to the arguments: of the connection that gets the command.
   */
  readonly runId?: boolean;
  /** Returns bulk strings as Buffers instead of strings. */
  readonly buffers?: boolean;
}

interface LinkEvents {
  /** Emitted after each (re)connect to a master, when its `run_id` is known. */
  up: [master: RedisMaster];
  /** The connection to a master broke, or the Cluster has the master no longer. */
  down: [master: RedisMaster];
  /** Cluster: slots moved to another master, which need not be up yet. */
  moved: [slots: ReadonlySet<number>];
}

/** The most retries of a command that was refused without effect, and milliseconds between them. */
const RETRIES = 12;
const RETRY_DELAY_MS = 100;

/**
 * Sends commands and scripts to Redis (one server, Sentinel or a Cluster), each to the master of
 * its keys.
 *
 * It never queues a command while a master is away, and never repeats one that may have taken
 * effect: such a command rejects with `HubError` `UNAVAILABLE`. It retries only after an answer
 * that proves that nothing was done (NOSCRIPT, MOVED, ASK, READONLY and the like).
 */
export class RedisLink extends EventEmitter<LinkEvents> {
  readonly isCluster: boolean;
  readonly keys: RedisKeys;
  /** The parsed URL: subscriber connections need its credentials. */
  readonly target: RedisTarget;
  readonly commandTimeoutMs: number;
  readonly log: Logger;
  readonly #single: MasterConnection | undefined;
  readonly #cluster: ClusterMap | undefined;
  readonly #observe: RedisObserver | undefined;
  readonly #timings = new Map<string, CommandTiming>();
  #closed = false;

  /**
   * Connects to the target of `url` (see `parseRedisUrl`) and reconnects until `close`.
   *
   * @throws TypeError for a bad URL.
   */
  static open(url: string, options: RedisLinkOptions): RedisLink {
    return new RedisLink(parseRedisUrl(url), options);
  }

  private constructor(target: RedisTarget, options: RedisLinkOptions) {
    super();
    this.setMaxListeners(0);
    this.target = target;
    this.isCluster = target.mode === 'cluster';
    this.commandTimeoutMs = options.commandTimeoutMs ?? 2000;
    this.log = options.log;
    this.#observe = options.observe;
    this.keys = new RedisKeys(options.prefix, this.isCluster);
    const hooks = {
      commandTimeoutMs: this.commandTimeoutMs,
      log: options.log,
      onUp: (master: RedisMaster): void => void this.emit('up', master),
      onDown: (master: RedisMaster): void => void this.emit('down', master),
    };
    if (target.mode === 'cluster') {
      this.#cluster = new ClusterMap(target, { ...hooks, onMoved: (slots) => void this.emit('moved', slots) });
    } else {
      const [address] = target.nodes;
      if (address === undefined) throw new TypeError('A Redis URL names a host.');
      const client =
        target.mode === 'single' ? connectServer(target, address, this.commandTimeoutMs) : connectSentinel(target, this.commandTimeoutMs);
      this.#single = new MasterConnection(client, { id: 'main', ...hooks });
    }
  }

  /** All known masters. On a Cluster there is none before a seed has answered. */
  masters(): readonly RedisMaster[] {
    return this.#cluster?.masters() ?? (this.#single ? [this.#single] : []);
  }

  /** The master of the key. */
  masterOf(key: string): RedisMaster | undefined {
    return this.#connectionOf(key);
  }

  /** The master of a slot of a Cluster (0-16383). Without a Cluster it is the only master. */
  masterOfSlot(slot: number): RedisMaster | undefined {
    return this.#single ?? this.#cluster?.masterOfSlot(slot);
  }

  /** Reads the Cluster's map again, if it may be out of date. Does nothing without a Cluster. */
  refresh(): void {
    this.#cluster?.refresh();
  }

  /** Whether every slot has a master and every master is up. */
  get whole(): boolean {
    return this.#single?.up ?? this.#cluster?.whole ?? false;
  }

  /** Why the link is not whole, if known. */
  get trouble(): Trouble | undefined {
    return this.#cluster?.trouble ?? this.masters().find(({ up, trouble }) => !up && trouble !== undefined)?.trouble;
  }

  /**
   * Sends one command to one master, without a retry. Rejects with the error of Redis, or with
   * `UNAVAILABLE`.
   */
  ask(master: RedisMaster, name: string, args: readonly RedisArgument[]): Promise<unknown> {
    const connection = this.#single ?? this.#cluster?.masters().find(({ id }) => id === master.id);
    if (connection === undefined) return Promise.reject(new HubError('UNAVAILABLE', `Redis ${master.id} is gone.`));
    return connection.send(name, [...args], false);
  }

  /** Resolves when `whole`. Rejects with `UNAVAILABLE` after `timeoutMs`. */
  ready(timeoutMs: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const check = (): void => {
        if (!this.whole) return;
        finish();
        resolve();
      };
      const timer = setTimeout(() => {
        finish();
        reject(new HubError('UNAVAILABLE', 'Redis cannot be reached.'));
      }, timeoutMs);
      const finish = (): void => {
        clearTimeout(timer);
        this.off('up', check);
      };
      this.on('up', check);
      check();
    });
  }

  /**
   * Runs a script on the master of `keys[0]`. Commands of one event-loop turn leave in one write
   * for each master.
   *
   * @returns The reply. Rejects with `UNAVAILABLE` if Redis is away or silent (the effect is then
   *   unknown), or if the script fails (its error is the cause).
   */
  run(script: Script, keys: readonly string[], args: readonly RedisArgument[], options: RunOptions = {}): Promise<unknown> {
    const [key] = keys;
    if (key === undefined) return Promise.reject(new TypeError('A script needs a key: its slot decides where the script runs.'));
    const timing = this.#timing(script.name);
    return this.#attempt(key, (master, asking) => {
      if (master.firstUse(script.sha)) master.send('SCRIPT', ['LOAD', script.source], false).catch(() => undefined);
      if (asking) master.send('ASKING', [], false).catch(() => undefined);
      const operands = [script.sha, keys.length, ...keys, ...args];
      if (options.runId) operands.push(master.runId);
      return master.send('EVALSHA', operands, options.buffers ?? false, timing);
    });
  }

  /**
   * Sends one command to the master of `key`. Batches and rejects as `run` does.
   *
   * @param args All arguments, the key included.
   */
  command(key: string, name: string, ...args: RedisArgument[]): Promise<unknown> {
    const timing = this.#timing(name);
    return this.#attempt(key, (master, asking) => {
      if (asking) master.send('ASKING', [], false).catch(() => undefined);
      return master.send(name, [...args], false, timing);
    });
  }

  /** Replaces the connection to a master, for a caller that finds it broken. */
  reset(id: string, reason: string): void {
    if (this.#single?.id === id) this.#single.reset(reason);
    this.#cluster?.reset(id, reason);
  }

  /** Closes all connections. Commands in flight reject. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#single?.close();
    this.#cluster?.close();
  }

  /** Undefined if nobody observes. */
  #timing(command: string): CommandTiming | undefined {
    const known = this.#timings.get(command);
    if (known !== undefined || this.#observe === undefined) return known;
    const timing = this.#observe.timing(command);
    this.#timings.set(command, timing);
    return timing;
  }

  #connectionOf(key: string): MasterConnection | undefined {
    return this.#single ?? this.#cluster?.masterOfSlot(calculateSlot(key));
  }

  #attempt(key: string, send: Send): Promise<unknown> {
    const master = this.#connectionOf(key);
    if (master === undefined) return Promise.reject(new HubError('UNAVAILABLE', 'No Redis master is known for this key.'));
    return send(master, false).catch((error: unknown) => this.#follow(key, send, master, error));
  }

  /** Follows a refusal and retries. Throws any other error. */
  async #follow(key: string, send: Send, first: MasterConnection, refused: unknown): Promise<unknown> {
    let master: MasterConnection | undefined = first;
    let error = refused;
    for (let attempt = 0; attempt < RETRIES && !this.#closed; attempt++) {
      const refusal = refusalOf(error);
      if (refusal === undefined) break;
      if (refusal === 'NOSCRIPT') {
        master?.forgetScripts();
      } else {
        if (refusal === 'READONLY') master?.reset('is a replica');
        const text = error instanceof Error ? error.message : '';
        master = refusal === 'ASK' || refusal === 'MOVED' ? this.#cluster?.redirect(text, refusal) : undefined;
        this.#cluster?.refresh();
      }
      const asking = refusal === 'ASK' && master?.up === true;
      if (!master?.up) {
        await new Promise((resolve) => setTimeout(resolve, RETRY_DELAY_MS));
        master = this.#connectionOf(key);
      }
      if (master === undefined) continue;
      try {
        return await send(master, asking);
      } catch (latest) {
        error = latest;
      }
    }
    throw HubError.from(error);
  }
}

/** Writes a command. `asking`: right after ASKING, so that a slot that is moving accepts it. */
type Send = (master: MasterConnection, asking: boolean) => Promise<unknown>;

/**
 * Errors that prove that the server did nothing. A retry, perhaps on another master, can succeed.
 */
const REFUSALS = ['NOSCRIPT', 'MOVED', 'ASK', 'READONLY', 'TRYAGAIN', 'CLUSTERDOWN', 'LOADING', 'MASTERDOWN', 'BUSY'] as const;
type Refusal = (typeof REFUSALS)[number];

function refusalOf(error: unknown): Refusal | undefined {
  return REFUSALS.find((code) => isReply(error, code));
}

/** The first word of the text is the only code that an error of Redis has. */
function isReply(error: unknown, code: string): boolean {
  return error instanceof Error && error.name === 'ReplyError' && error.message.startsWith(`${code} `);
}

/** A Lua script of Redis, from a `.lua` file whose head documents KEYS, ARGV and the reply. */
export interface Script {
  /** File name without the ending, for logs. */
  readonly name: string;
  readonly source: string;
  /** The SHA-1 of the source in lower-case hex. EVALSHA names the script by it. */
  readonly sha: string;
}

/**
 * Reads a script: `loadScript(new URL('./lua/publish.lua', import.meta.url))`. Comment lines are
 * not sent to Redis.
 *
 * @param constants Values that never change while the process runs. They become locals of the
 *   script, which is cheaper than an argument for each call.
 */
export function loadScript(url: URL, constants: Readonly<Record<string, string | number>> = {}): Script {
  const locals = Object.entries(constants).map(([name, value]) => `local ${name} = ${typeof value === 'number' ? value : `'${value}'`}\n`);
  const source = locals.join('') + readFileSync(url, 'utf8').replace(/^\s*--.*\n/gm, '');
  const name = url.pathname.slice(url.pathname.lastIndexOf('/') + 1).replace(/\.lua$/, '');
  return { name, source, sha: createHash('sha1').update(source).digest('hex') };
}
