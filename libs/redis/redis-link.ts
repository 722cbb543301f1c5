import { EventEmitter } from 'node:events';
import calculateSlot from 'cluster-key-slot';
import { parseRedisUrl, type RedisTarget } from '#libs/config/redis-url.ts';
import { HubError } from '#libs/protocol/errors.ts';
import { ClusterMap } from './cluster-map.ts';
import { RedisKeys } from './keys.ts';
import type { Logger } from './logger.ts';
import { MasterConnection, type RedisArgument, type RedisMaster, type Trouble } from './master.ts';
import { connectSentinel, connectServer } from './redis-clients.ts';
import type { Script } from './script.ts';

export interface RedisLinkOptions {
  /** Before every key and channel, see `RedisKeys`. */
  readonly prefix: string;
  readonly log: Logger;
  /** Milliseconds a command may take before its connection counts as dead. Default 2,000. */
  readonly commandTimeoutMs?: number;
}

export interface RunOptions {
  /** Appends the `run_id` of the server that gets the command, taken from the very connection it is written to. */
  readonly runId?: boolean;
  /** Bulk strings of the reply come as Buffers; otherwise as strings. */
  readonly buffers?: boolean;
}

interface LinkEvents {
  /** After each (re)connect to a master, once its `run_id` is known. */
  up: [master: RedisMaster];
  /** The connection to a master broke, or a Cluster took it out. */
  down: [master: RedisMaster];
  /** Cluster: slots have another master than before, which need not be up yet. */
  moved: [slots: ReadonlySet<number>];
}

/** How often a command that was refused without effect is tried again, and how long apart (ms). */
const RETRIES = 12;
const RETRY_DELAY_MS = 100;

/**
 * The way to Redis, be it one server, Sentinel or a Cluster: commands and scripts, each to the master of its keys.
 *
 * Never queues while a master is away and never writes a command twice after it may have taken effect: it rejects with `HubError`
 * `UNAVAILABLE` instead. Only answers that prove that nothing was done (NOSCRIPT, MOVED, ASK, READONLY and the like) are followed.
 */
export class RedisLink extends EventEmitter<LinkEvents> {
  readonly isCluster: boolean;
  readonly keys: RedisKeys;
  /** What the URL said: the subscriber connections need its credentials. */
  readonly target: RedisTarget;
  readonly commandTimeoutMs: number;
  readonly log: Logger;
  readonly #single: MasterConnection | undefined;
  readonly #cluster: ClusterMap | undefined;
  #closed = false;

  /** Starts to connect to what `url` names (see `parseRedisUrl`) and keeps at it until `close`. Throws `TypeError` on a bad URL. */
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

  /** All masters now known; on a Cluster none before the first answer of a seed. */
  masters(): readonly RedisMaster[] {
    return this.#cluster?.masters() ?? (this.#single ? [this.#single] : []);
  }

  /** Where commands on the key go. */
  masterOf(key: string): RedisMaster | undefined {
    return this.#connectionOf(key);
  }

  /** Where commands on a slot of a Cluster (0-16383) go; the one master elsewhere. */
  masterOfSlot(slot: number): RedisMaster | undefined {
    return this.#single ?? this.#cluster?.masterOfSlot(slot);
  }

  /** The server the sentinels or the Cluster name may be wrong: asks again. */
  refresh(): void {
    this.#cluster?.refresh();
  }

  /** True when every slot has a master and every master is up. */
  get whole(): boolean {
    return this.#single?.up ?? this.#cluster?.whole ?? false;
  }

  /** Why the link is not whole, as far as is known. */
  get trouble(): Trouble | undefined {
    return this.#cluster?.trouble ?? this.masters().find(({ up, trouble }) => !up && trouble !== undefined)?.trouble;
  }

  /** One command on a certain master, without a second try. Rejects with what Redis answers, or `UNAVAILABLE`. */
  ask(master: RedisMaster, name: string, args: readonly RedisArgument[]): Promise<unknown> {
    const connection = this.#single ?? this.#cluster?.masters().find(({ id }) => id === master.id);
    if (connection === undefined) return Promise.reject(new HubError('UNAVAILABLE', `Redis ${master.id} is gone.`));
    return connection.send(name, [...args], false);
  }

  /** Resolves when `whole`; rejects with `UNAVAILABLE` after `timeoutMs`. */
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
   * Runs a script on the master of `keys[0]`. Commands issued in one event-loop turn leave as one write for each master.
   * Rejects with `UNAVAILABLE` when Redis is away or silent (the effect is then unknown), or with the script's own failure as its cause.
   */
  run(script: Script, keys: readonly string[], args: readonly RedisArgument[], options: RunOptions = {}): Promise<unknown> {
    const [key] = keys;
    if (key === undefined) return Promise.reject(new TypeError('A script needs a key: it says where to run.'));
    return this.#attempt(key, (master, asking) => {
      if (master.firstUse(script.sha)) master.send('SCRIPT', ['LOAD', script.source], false).catch(() => undefined);
      if (asking) master.send('ASKING', [], false).catch(() => undefined);
      const operands = [script.sha, keys.length, ...keys, ...args];
      if (options.runId) operands.push(master.runId);
      return master.send('EVALSHA', operands, options.buffers ?? false);
    });
  }

  /** One plain command on the master of `key`; `args` holds all of its arguments, the key included. Batched and rejected as `run`. */
  command(key: string, name: string, ...args: RedisArgument[]): Promise<unknown> {
    return this.#attempt(key, (master, asking) => {
      if (asking) master.send('ASKING', [], false).catch(() => undefined);
      return master.send(name, [...args], false);
    });
  }

  /** Gives up the connection to a master, so that it is made anew: for who notices from outside that it is bad. */
  reset(id: string, reason: string): void {
    if (this.#single?.id === id) this.#single.reset(reason);
    this.#cluster?.reset(id, reason);
  }

  /** Ends all connections; what is in flight is rejected. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#single?.close();
    this.#cluster?.close();
  }

  #connectionOf(key: string): MasterConnection | undefined {
    return this.#single ?? this.#cluster?.masterOfSlot(calculateSlot(key));
  }

  #attempt(key: string, send: Send): Promise<unknown> {
    const master = this.#connectionOf(key);
    if (master === undefined) return Promise.reject(new HubError('UNAVAILABLE', 'No Redis master is known for this key.'));
    return send(master, false).catch((error: unknown) => this.#follow(key, send, master, error));
  }

  /** Does what a refusal asks for, and tries again; throws what is none. */
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

/** Writes a command; `asking`: right behind ASKING, which lets it into a slot that is on the move. */
type Send = (master: MasterConnection, asking: boolean) => Promise<unknown>;

/** Answers by which the server says that it did nothing, and that trying again or elsewhere can succeed. */
const REFUSALS = ['NOSCRIPT', 'MOVED', 'ASK', 'READONLY', 'TRYAGAIN', 'CLUSTERDOWN', 'LOADING', 'MASTERDOWN', 'BUSY'] as const;
type Refusal = (typeof REFUSALS)[number];

function refusalOf(error: unknown): Refusal | undefined {
  return REFUSALS.find((code) => isReply(error, code));
}

/** Redis tells its errors apart by the first word of the text: there is no code beside it. */
function isReply(error: unknown, code: string): boolean {
  return error instanceof Error && error.name === 'ReplyError' && error.message.startsWith(`${code} `);
}
