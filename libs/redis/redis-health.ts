/** Checks whether Redis can serve the hub: at start, then every two seconds. */
import { ConfigError } from '#libs/config/config.ts';
import { type SettingWarning, settingWarning } from '#libs/protocol/setting-warnings.ts';
import type { RedisMaster } from './master.ts';
import type { RedisLink } from './redis-link.ts';
import { ServerClock } from './server-clock.ts';
import { Subscriber } from './subscriber.ts';

/** A command with its arguments, without the key, which comes first. */
export type NeededCommand = readonly [name: string, ...args: string[]];

/**
 * Every command of the scripts and of the queues, with arguments for a trial on a key that holds a
 * string. Redis checks rights before types, so most commands answer with a type error. No command
 * leaves a change behind.
 */
export const NEEDED_COMMANDS: readonly NeededCommand[] = [
  ['SET', '1', 'PX', '10000'],
  ['BZPOPMIN', '0.001'],
  ['EXISTS'],
  ['EXPIRE', '10'],
  ['GET'],
  ['HDEL', 'f'],
  ['HEXISTS', 'f'],
  ['HGET', 'f'],
  ['HGETALL'],
  ['HINCRBY', 'f', '1'],
  ['HLEN'],
  ['HMGET', 'f'],
  ['HMSET', 'f', 'v'],
  ['HSCAN', '0'],
  ['HSET', 'f', 'v'],
  ['INCR'],
  ['INCRBY', '1'],
  ['LINDEX', '0'],
  ['LLEN'],
  ['LPOP'],
  ['LPOS', 'v'],
  ['LPUSH', 'v'],
  ['LRANGE', '0', '0'],
  ['LREM', '0', 'v'],
  ['LSET', '0', 'v'],
  ['LTRIM', '0', '0'],
  ['PERSIST'],
  ['PEXPIRE', '10000'],
  ['PEXPIREAT', '9999999999999'],
  ['PTTL'],
  ['RPOP'],
  ['RPUSH', 'v'],
  ['SADD', 'v'],
  ['SCARD'],
  ['SISMEMBER', 'v'],
  ['SMEMBERS'],
  ['SMISMEMBER', 'v'],
  ['SRANDMEMBER', '1'],
  ['SREM', 'v'],
  ['SSCAN', '0'],
  ['TYPE'],
  ['XADD', '*', 'f', 'v'],
  ['XDEL', '1-1'],
  ['XLEN'],
  ['XRANGE', '-', '+'],
  ['XREVRANGE', '+', '-'],
  ['XTRIM', 'MAXLEN', '1'],
  ['ZADD', '1', 'v'],
  ['ZCARD'],
  ['ZCOUNT', '0', '1'],
  ['ZLEXCOUNT', '-', '+'],
  ['ZPOPMIN'],
  ['ZRANGE', '0', '0'],
  ['ZRANGEBYLEX', '-', '+'],
  ['ZRANGEBYSCORE', '0', '1'],
  ['ZREM', 'v'],
  ['ZREMRANGEBYRANK', '0', '0'],
  ['ZREMRANGEBYSCORE', '0', '1'],
  ['ZREVRANGE', '0', '0'],
  ['ZREVRANGEBYSCORE', '1', '0'],
  ['ZSCORE', 'v'],
  ['DEL'],
  ['UNLINK'],
];

/**
 * Refusals of the user, the password or the URL. A retry does not help. Redis has no other error
 * code than the first words.
 */
const REFUSED = /^(NOPERM|NOAUTH|WRONGPASS|ERR (DB index|invalid DB index|AUTH ))/;

/** Whether Redis refused this user or this URL. */
function isRefused(error: unknown): error is Error {
  return error instanceof Error && REFUSED.test(error.message);
}

/**
 * Returns a refusal as text for people: it names the forbidden thing.
 *
 * @param subject The key or channel of the command.
 */
function refusalText(error: Error, command: string, subject: string): string {
  if (error.message.startsWith('NOPERM')) {
    if (/\bkeys?\b/.test(error.message)) return `the user may not use the key ${subject}`;
    if (/\bchannels?\b/.test(error.message)) return `the user may not use the channel ${subject}`;
    return `the user may not run ${command.toUpperCase()}`;
  }
  if (/DB index/.test(error.message)) return `there is no such database (${error.message})`;
  return `user or password are refused (${error.message})`;
}

/** Milliseconds between two checks. Every fifth check tries all rights. */
const EVERY_MS = 2000;
const ALL_RIGHTS_EVERY = 5;
/** Milliseconds between two log lines about the same problem. */
const AGAIN_MS = 60_000;
/** The first version with SET NX GET and sharded channels. */
const OLDEST_VERSION = 7;
/** Tags tried to find one whose slot is on a master. */
const TAGS_MAX = 10_000;

/** Redis refuses the hub. An operator must change something; a retry does not help. */
class Refusal extends Error {}

/** Checks a link to Redis. `problem` has the last result. */
export class RedisHealth {
  readonly #link: RedisLink;
  readonly #tags = new Map<string, string>();
  #problem: string | undefined = 'it was not asked yet';
  #reported: { readonly problem: string; readonly at: number } | undefined;
  #looks = 0;
  readonly #clock = new ServerClock();
  #timer: NodeJS.Timeout | undefined;
  #evicting = false;

  /** @param link The caller closes it, after `stop`. */
  constructor(link: RedisLink) {
    this.#link = link;
  }

  /** Why the hub cannot rely on Redis now, as text for people. Undefined if it can. */
  get problem(): string | undefined {
    return this.#link.whole ? this.#problem : (this.#problem ?? this.#away());
  }

  /** Seconds that this machine's wall clock is ahead of that of the first master. */
  get clockOffset(): number {
    return this.#clock.offset;
  }

  /** What should be changed before Redis loses something. Undefined if nothing should. */
  get advice(): SettingWarning | undefined {
    return this.#evicting ? settingWarning('redisEvicts') : undefined;
  }

  /**
   * Checks everything once: Redis answers, is new enough, accepts writes and grants this user all
   * rights that the hub needs.
   *
   * @throws ConfigError if Redis refuses; `Error` if a retry may help.
   */
  async admit(): Promise<void> {
    try {
      await this.#look(true);
      await this.#listen();
      this.#problem = undefined;
    } catch (error) {
      this.#problem = textOf(error);
      if (error instanceof Refusal) throw new ConfigError([`REDIS_URL: Redis refuses what is needed: ${error.message}.`]);
      throw error;
    }
  }

  /** Starts the periodic check. */
  start(): void {
    this.#timer = setTimeout(() => {
      void this.#again().finally(() => {
        if (this.#timer !== undefined) this.start();
      });
    }, EVERY_MS);
    this.#timer.unref();
  }

  /** Stops the periodic check. */
  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  async #again(): Promise<void> {
    try {
      this.#looks += 1;
      await this.#look(this.#problem !== undefined || this.#looks % ALL_RIGHTS_EVERY === 0);
      this.#problem = undefined;
    } catch (error) {
      // A link that is not whole is reported by `problem` itself.
      this.#problem = this.#link.whole ? textOf(error) : undefined;
    }
    this.#report();
  }

  #report(): void {
    const problem = this.#problem;
    const reported = this.#reported;
    if (problem === undefined) {
      if (reported !== undefined) this.#link.log.info({}, 'Redis can serve the hub again');
      this.#reported = undefined;
      return;
    }
    const now = performance.now();
    if (reported?.problem === problem && now - reported.at < AGAIN_MS) return;
    this.#reported = { problem, at: now };
    this.#link.log.error({ problem }, 'Redis cannot serve the hub: this node is unready');
  }

  async #look(allRights: boolean): Promise<void> {
    const { trouble } = this.#link;
    if (!this.#link.whole && trouble !== undefined && isRefused(trouble.error))
      throw new Refusal(refusalText(trouble.error, trouble.command, ''));
    if (!this.#link.whole) throw new Error(this.#away());
    await Promise.all(this.#link.masters().map((master) => this.#lookAt(master, allRights)));
    if (allRights) await Promise.all(this.#link.keys.samples().map((key) => this.#mayUse(key)));
  }

  #away(): string {
    const { trouble } = this.#link;
    return `it does not answer${trouble === undefined ? '' : `: ${textOf(trouble.error)}`}`;
  }

  async #lookAt(master: RedisMaster, allRights: boolean): Promise<void> {
    const ask = (name: string, ...args: string[]): Promise<unknown> => this.#link.ask(master, name, args);
    const asked = performance.now();
    const facts = String(await may(ask('INFO'), 'INFO', ''));
    if (master === this.#link.masters()[0]) this.#clock.read(facts, asked);
    const fact = (name: string): string => new RegExp(`^${name}:(.*?)\\r?$`, 'm').exec(facts)?.[1] ?? '';
    const version = fact('redis_version');
    if (Number.parseInt(version, 10) < OLDEST_VERSION) throw new Error(`it is Redis ${version}: ${OLDEST_VERSION}.0 or newer is needed`);
    if (fact('role') === 'slave') throw new Error('it is a replica, which takes no writes');
    const policy = fact('maxmemory_policy');
    this.#evicting = policy !== '' && policy !== 'noeviction';
    if (this.#evicting && fact('maxmemory') !== '0')
      throw new Error(`its maxmemory-policy is ${policy}, which evicts messages and presence: set it to noeviction`);
    const key = this.#keyOn(master);
    const publish = this.#link.isCluster ? 'SPUBLISH' : 'PUBLISH';
    const commands: readonly NeededCommand[] = allRights ? NEEDED_COMMANDS : NEEDED_COMMANDS.slice(0, 1);
    const script = 'return 1';
    await Promise.all([
      ...commands.map(async ([name, ...args]) => may(ask(name, key, ...args), name, key, name === 'SET')),
      may(ask(publish, key, ''), publish, key),
      ...(allRights
        ? [
            may(ask('SCRIPT', 'LOAD', script), 'SCRIPT LOAD', key),
            may(ask('EVAL', script, '0'), 'EVAL', key),
            may(ask('EVALSHA', '0', '0'), 'EVALSHA', key),
          ]
        : []),
    ]);
  }

  async #mayUse(key: string): Promise<void> {
    await may(this.#link.command(key, 'EXISTS', key), 'EXISTS', key);
  }

  /** Subscribes on each master for a moment, as a node does. */
  async #listen(): Promise<void> {
    await Promise.all(
      this.#link.masters().map(async (master) => {
        const channel = this.#keyOn(master);
        const command = this.#link.isCluster ? 'SSUBSCRIBE' : 'SUBSCRIBE';
        const subscribe = async (): Promise<void> => {
          const subscriber = await Subscriber.connect({
            target: this.#link.target,
            address: { host: master.host, port: master.port },
            serverName: master.serverName,
            timeoutMs: this.#link.commandTimeoutMs,
            onMessage: () => undefined,
            onLost: () => undefined,
            onClose: () => undefined,
          });
          try {
            await subscriber.subscribe([channel]);
          } finally {
            subscriber.destroy();
          }
        };
        await may(subscribe(), command, channel, true);
      }),
    );
  }

  /** A key, also used as a channel, whose slot is on the master. */
  #keyOn(master: RedisMaster): string {
    const known = this.#tags.get(master.id);
    if (known !== undefined && this.#link.masterOf(known)?.id === master.id) return known;
    for (let tag = 0; tag < TAGS_MAX; tag++) {
      const key = this.#link.keys.health(`health-${tag}`);
      if (this.#link.masterOf(key)?.id !== master.id) continue;
      this.#tags.set(master.id, key);
      return key;
    }
    throw new Error('a master has no slots');
  }
}

/**
 * Returns the reply, or throws a refusal as text. Other errors count only if `strict`: most
 * commands are tried on a key of another type.
 */
async function may(reply: Promise<unknown>, command: string, subject: string, strict = false): Promise<unknown> {
  try {
    return await reply;
  } catch (error) {
    const cause = error instanceof Error && error.name === 'HubError' && error.cause instanceof Error ? error.cause : error;
    if (isRefused(cause)) throw new Refusal(refusalText(cause, command, subject));
    if (strict || !(cause instanceof Error) || cause.name !== 'ReplyError') throw new Error(`${command} fails: ${textOf(cause)}`);
    return undefined;
  }
}

function textOf(error: unknown): string {
  if (error instanceof AggregateError) return [...new Set(error.errors.map(textOf))].join('; ');
  return error instanceof Error ? error.message : String(error);
}
