/** The masters of a Redis Cluster, by slot. */
import type { RedisAddress, RedisTarget } from '#libs/config/redis-url.ts';
import { MasterConnection, type MasterOptions, type Trouble } from './master.ts';
import { connectServer } from './redis-clients.ts';

const SLOTS = 16384;
/**
 * Milliseconds between two reads of the map: while a master is missing, and otherwise. While all
 * are up and only a MOVED answer is unconfirmed, a fifth of `HURRIED_MS`.
 */
const HURRIED_MS = 500;
const QUIET_MS = 15_000;

/** Options of `ClusterMap`. */
export interface ClusterMapOptions extends Omit<MasterOptions, 'id'> {
  /** Called with the slots that moved to another master. */
  readonly onMoved: (slots: ReadonlySet<number>) => void;
}

/** One entry of CLUSTER SLOTS: a range of slots and its nodes. */
interface SlotRange {
  readonly first: number;
  readonly last: number;
  /** The master, then its replicas. */
  readonly nodes: readonly RedisAddress[];
}

/**
 * Knows the master of each slot of a Cluster and has a command connection to each master.
 *
 * It reads the map on `refresh`, every half second while a master is missing or away, every 100 ms
 * while a MOVED answer is not confirmed, and otherwise every 15 seconds. Masters learn of a move
 * one after the other. So a MOVED answer overrides their maps until the master that it names
 * confirms the move, and `onMoved` is called once for a move.
 */
export class ClusterMap {
  /** Why the last read of the map failed. */
  trouble: Trouble | undefined;
  readonly #target: RedisTarget;
  readonly #options: ClusterMapOptions;
  readonly #masters = new Map<string, MasterConnection>();
  readonly #owners: (MasterConnection | undefined)[] = new Array<MasterConnection | undefined>(SLOTS).fill(undefined);
  /**
   * Slots that a MOVED answer gave to a master, until that master's own map is read. Other masters
   * may not know of the move yet.
   */
  readonly #noted = new Map<number, MasterConnection>();
  /** Every node of the last map, replicas included. They are asked if no master answers. */
  #known: readonly RedisAddress[];
  #covered = false;
  #looking = false;
  #again = false;
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(target: RedisTarget, options: ClusterMapOptions) {
    this.#target = target;
    this.#options = options;
    this.#known = target.nodes;
    this.refresh();
  }

  /** All masters of the last map. */
  masters(): readonly MasterConnection[] {
    return [...this.#masters.values()];
  }

  /** The master of a slot (0-16383); undefined before the first map. */
  masterOfSlot(slot: number): MasterConnection | undefined {
    return this.#owners[slot];
  }

  /** Whether every slot has a master and all masters are up. */
  get whole(): boolean {
    return this.#covered && this.masters().every((master) => master.up);
  }

  /** Replaces the connection to a master. Ignores an unknown id. */
  reset(id: string, reason: string): void {
    this.#masters.get(id)?.reset(reason);
  }

  /** Reads the map again. Calls during a read cause one more read. */
  refresh(): void {
    if (this.#closed) return;
    if (this.#looking) {
      this.#again = true;
      return;
    }
    clearTimeout(this.#timer);
    this.#looking = true;
    this.#look()
      .then(
        () => {
          this.trouble = undefined;
        },
        (error: unknown) => {
          const first = error instanceof AggregateError ? error.errors[0] : error;
          this.trouble = { error: first instanceof Error ? first : new Error(String(first)), command: 'CLUSTER SLOTS' };
          this.#options.log.warn({ err: error }, 'redis cluster map not read');
        },
      )
      .finally(() => {
        this.#looking = false;
        if (this.#closed) return;
        const soon = this.#again || this.#noted.size > 0 || !this.whole;
        this.#again = false;
        this.#timer = setTimeout(() => this.refresh(), soon ? HURRIED_MS / (this.whole ? 5 : 1) : QUIET_MS);
        this.#timer.unref();
      });
  }

  /**
   * Returns the master that a MOVED or ASK answer names; undefined if there is no connection to it.
   * A MOVED answer changes the slot's master at once.
   */
  redirect(message: string, kind: 'MOVED' | 'ASK'): MasterConnection | undefined {
    const [, slot, id = ''] = message.split(' ');
    const master = this.#masters.get(id);
    const index = Number(slot);
    if (kind === 'MOVED' && master !== undefined && this.#owners[index] !== master) {
      this.#owners[index] = master;
      this.#noted.set(index, master);
      this.#options.onMoved(new Set([index]));
    }
    return master;
  }

  /** Closes all connections. */
  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    for (const master of this.#masters.values()) master.close();
  }

  async #look(): Promise<void> {
    for (const [slot, master] of this.#noted) if (!master.up) this.#noted.delete(slot);
    // A copy. A map that is read from now on has these moves if it comes from the master that they
    // name.
    const noted = new Map(this.#noted);
    const { ranges, from } = await this.#read(noted.size > 0 ? [...noted.values()].slice(0, 1) : []);
    if (this.#closed) return;
    for (const [slot, master] of noted) if (master === from && this.#noted.get(slot) === master) this.#noted.delete(slot);
    this.#apply(ranges);
  }

  /**
   * Reads the map from a preferred master, otherwise from the first master that answers, otherwise
   * from any known node.
   */
  async #read(
    preferred: readonly MasterConnection[],
  ): Promise<{ readonly ranges: readonly SlotRange[]; readonly from?: MasterConnection }> {
    const ask = async (from: MasterConnection): Promise<{ ranges: readonly SlotRange[]; from: MasterConnection }> => ({
      ranges: parseSlots(await from.send('CLUSTER', ['SLOTS'], false), from.serverName ?? from.host),
      from,
    });
    const up = this.masters().filter((master) => master.up);
    return await Promise.any(preferred.map(ask))
      .catch(() => Promise.any(up.map(ask)))
      .catch(async () => ({ ranges: await Promise.any(this.#known.map((address) => this.#ask(address))) }));
  }

  /** Reads the map from a node over a connection of its own. */
  async #ask(address: RedisAddress): Promise<readonly SlotRange[]> {
    const client = connectServer(this.#target, address, this.#options.commandTimeoutMs, { once: true });
    let last: Error | undefined;
    client.on('error', (error) => {
      last = error;
    });
    try {
      await new Promise<void>((resolve, reject) => {
        client.once('ready', resolve);
        client.once('end', () => reject(last ?? new Error(`${address.host}:${address.port} cannot be reached`)));
      });
      return parseSlots(await client.call('CLUSTER', 'SLOTS'), address.host);
    } finally {
      client.disconnect();
      client.stream?.destroy();
    }
  }

  #apply(ranges: readonly SlotRange[]): void {
    if (ranges.length === 0) throw new Error('no slots are assigned');
    const moved = new Set<number>();
    const named = new Set<string>();
    const covered = new Uint8Array(SLOTS);
    for (const { first, last, nodes } of ranges) {
      const [address] = nodes;
      if (address === undefined) continue;
      const id = `${address.host}:${address.port}`;
      named.add(id);
      const master = this.#masters.get(id) ?? this.#connect(id, address);
      for (let slot = first; slot <= last; slot++) {
        covered[slot] = 1;
        if (this.#noted.has(slot)) continue;
        const before = this.#owners[slot];
        if (before !== undefined && before !== master) moved.add(slot);
        this.#owners[slot] = master;
      }
    }
    this.#covered = covered.every((one) => one === 1);
    this.#known = [
      ...new Map(
        [...ranges.flatMap((range) => range.nodes), ...this.#target.nodes].map((node) => [`${node.host}:${node.port}`, node]),
      ).values(),
    ];
    if (moved.size > 0) this.#options.onMoved(moved);
    const kept = new Set(this.#noted.values());
    for (const [id, master] of this.#masters) {
      if (named.has(id) || kept.has(master)) continue;
      this.#masters.delete(id);
      master.close();
    }
  }

  #connect(id: string, address: RedisAddress): MasterConnection {
    const { onDown, ...rest } = this.#options;
    const master = new MasterConnection(connectServer(this.#target, address, rest.commandTimeoutMs), {
      ...rest,
      id,
      onDown: (downed) => {
        onDown(downed);
        this.refresh();
      },
    });
    this.#masters.set(id, master);
    return master;
  }
}

/** @param fallback The host of the node that answered. A node names itself by an empty host. */
function parseSlots(reply: unknown, fallback: string): readonly SlotRange[] {
  if (!Array.isArray(reply)) return [];
  return reply.map((line: unknown) => {
    const [first, last, ...nodes] = line as [number, number, ...[string | null, number][]];
    return {
      first,
      last,
      nodes: nodes.map(([host, port]) => ({ host: host === null || host === '' || host === '?' ? fallback : host, port })),
    };
  });
}
