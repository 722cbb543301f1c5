import type { RedisLink } from '#libs/redis/redis-link.ts';
import { NODE_FACTS_MS, type NodeDirectory, type NodeFacts, type NodeSighting } from './node-directory.ts';

/**
 * The nodes of one Redis: a set of their ids, and a key for each that expires. All keys are in one
 * slot of a Cluster.
 */
export class NodeDirectoryRedis implements NodeDirectory {
  readonly #link: RedisLink;

  /** The link stays the caller's to close. */
  constructor(link: RedisLink) {
    this.#link = link;
  }

  async put(facts: NodeFacts): Promise<void> {
    const { keys } = this.#link;
    const key = keys.nodeFacts(facts.id);
    try {
      // Before the id: a reader removes ids without facts.
      await this.#link.command(key, 'SET', key, JSON.stringify(facts), 'PX', NODE_FACTS_MS);
      await this.#link.command(keys.nodes(), 'SADD', keys.nodes(), facts.id);
    } catch {
      // The next report comes in two seconds.
    }
  }

  async remove(id: string): Promise<void> {
    const { keys } = this.#link;
    try {
      await this.#link.command(keys.nodes(), 'SREM', keys.nodes(), id);
      await this.#link.command(keys.nodeFacts(id), 'DEL', keys.nodeFacts(id));
    } catch {
      // It expires.
    }
  }

  async list(): Promise<NodeSighting[]> {
    const { keys } = this.#link;
    const names = texts(await this.#link.command(keys.nodes(), 'SMEMBERS', keys.nodes())).toSorted();
    const found = await Promise.all(names.map((id) => this.#sight(id)));
    const gone = names.filter((_, index) => found[index] === undefined);
    if (gone.length > 0) await this.#link.command(keys.nodes(), 'SREM', keys.nodes(), ...gone);
    return found.filter((node) => node !== undefined);
  }

  /** Computes the silence from the time that the key has left to live, by Redis's clock alone. */
  async #sight(id: string): Promise<NodeSighting | undefined> {
    const key = this.#link.keys.nodeFacts(id);
    const [left, facts] = await Promise.all([this.#link.command(key, 'PTTL', key), this.#link.command(key, 'GET', key)]);
    if (typeof facts !== 'string') return undefined;
    return { ...(JSON.parse(facts) as NodeFacts), silent: Math.max(0, NODE_FACTS_MS - Number(left)) };
  }
}

function texts(reply: unknown): string[] {
  return Array.isArray(reply) ? reply.map(String) : [];
}
