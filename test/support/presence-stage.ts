import { PresenceRedis, type PresenceRedisOptions } from '#libs/presence/presence-redis.ts';
import { RedisLink } from '#libs/redis/redis-link.ts';
import { audit } from './presence-audit.ts';
import { PresenceNode } from './presence-node.ts';
import { type PresencePlan, PresenceProcess, QUICK } from './presence-process.ts';
import { RedisEar } from './redis-ear.ts';
import type { RedisServer } from './redis-server.ts';
import { until } from './wait.ts';

/**
 * Nodes on one Redis, some in this process and some in their own, and a listener to their
 * announcements.
 */
export class PresenceStage {
  readonly server: RedisServer;
  readonly prefix: string;
  /** The living nodes in this process, by id. */
  readonly nodes = new Map<string, PresenceNode>();
  /** Connections reaped by nodes in this process, and their restores. */
  reaped: number[] = [];
  restored = 0;
  /** The log lines of the nodes in this process. */
  readonly log: string[] = [];
  #ear: RedisEar;
  readonly #links: RedisLink[] = [];
  readonly #processes: PresenceProcess[] = [];

  private constructor(server: RedisServer, prefix: string, ear: RedisEar) {
    this.server = server;
    this.prefix = prefix;
    this.#ear = ear;
  }

  static async open(server: RedisServer, prefix: string): Promise<PresenceStage> {
    return new PresenceStage(server, prefix, await RedisEar.open(server.port, prefix));
  }

  /**
   * Starts a node in this process.
   *
   * @param url Another way to the same Redis. Default: the direct one.
   */
  async node(name: string, options: Partial<PresenceRedisOptions> = QUICK, url = this.server.url): Promise<PresenceNode> {
    const note = (fields: object, message: string): void => void this.log.push(`${name}: ${message} ${JSON.stringify(fields)}`);
    const link = RedisLink.open(url, { prefix: this.prefix, log: { info: note, warn: note, error: note }, commandTimeoutMs: 1000 });
    this.#links.push(link);
    const observe = { reaped: (count: number) => void this.reaped.push(count), restored: () => void this.restored++ };
    const node = await new PresenceNode(new PresenceRedis(link, { node: name, observe, ...options })).start();
    this.nodes.set(name, node);
    return node;
  }

  process(plan: Omit<PresencePlan, 'url' | 'prefix'>, failPoints?: string): PresenceProcess {
    const started = new PresenceProcess({ timing: QUICK, ...plan, url: this.server.url, prefix: this.prefix }, failPoints);
    this.#processes.push(started);
    return started;
  }

  /**
   * Resolves when the nodes in this process have reported this many reapings. Redis shows a reaping
   * before the reaper knows that it is done.
   */
  async reapings(count: number): Promise<readonly number[]> {
    await until(() => this.reaped.length >= count, { describe: () => `${count} reapings told, have ${this.reaped.length}` });
    return this.reaped;
  }

  /** Returns the announcements in a room, in order. */
  async heard(room: string): Promise<string[]> {
    await this.#ear.caughtUp(this.prefix);
    return this.#ear.on(this.#links[0]?.keys.presenceChannel(room) ?? '');
  }

  /** Call it after a restart of the server: listens again from now on. */
  async listenAgain(): Promise<void> {
    this.#ear.close();
    this.#ear = await RedisEar.open(this.server.port, this.prefix);
  }

  /**
   * Resolves when Redis has exactly the state of the nodes of this process (and of `others`), and
   * each of them knows the count.
   */
  async exact(timeoutMs = 10_000, others: ReadonlyMap<string, PresenceNode> = new Map()): Promise<void> {
    let problems: string[] = [];
    const nodes = new Map([...this.nodes, ...others]);
    await until(
      async () => {
        problems = await audit(this.server, this.prefix, nodes);
        const users = new Set([...nodes.values()].flatMap((node) => [...node.connections.values()].map(({ user }) => user.id)));
        for (const [name, { presence }] of this.nodes) {
          if (presence.onlineCount !== users.size) problems.push(`${name} counts ${presence.onlineCount} of ${users.size} users`);
        }
        return problems.length === 0;
      },
      { timeoutMs, everyMs: 20, describe: () => `exact:\n${problems.slice(0, 12).join('\n')}\n${this.log.slice(-30).join('\n')}` },
    );
  }

  async close(): Promise<void> {
    await Promise.all(this.#processes.map((one) => one.kill()));
    await Promise.all([...this.nodes.values()].map(({ presence }) => presence.close()));
    await Promise.all(this.#links.map((link) => link.close()));
    this.#ear.close();
  }
}
