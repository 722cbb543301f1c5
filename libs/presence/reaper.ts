import { failPoint } from '#libs/config/fail-point.ts';
import type { ClaimKind, PresenceScripts, ReapSignal } from './presence-scripts.ts';

/** Entries that one script call removes: about 2 ms of Redis. */
const BATCH = 500;

export interface ReaperOptions {
  readonly shards: number;
  /**
   * Milliseconds for which a claim keeps other reapers away. It is renewed while the work goes on.
   */
  readonly claimMs: number;
  /** As in `LeaseOptions`. */
  readonly graceMs: number;
}

/**
 * Removes all entries of one node: a dead one, a former incarnation, or this node itself when it
 * stops.
 *
 * The claim writes a tombstone to each shard first, so that the node can add nothing meanwhile.
 * Each batch is atomic, and the reaper that removes an entry announces it. So two reapers of one
 * node do no harm.
 */
export class Reaper {
  readonly #scripts: PresenceScripts;
  readonly #options: ReaperOptions;

  constructor(scripts: PresenceScripts, options: ReaperOptions) {
    this.#scripts = scripts;
    this.#options = options;
  }

  /**
   * Resolves with the number of connections removed, or with `undefined` if the node lives or
   * another reaper has the claim. Rejects with `UNAVAILABLE` if Redis goes away meanwhile. The
   * claim then expires, and any node may start again.
   */
  async reap(node: string, kind: Exclude<ClaimKind, 'hold'>, announce: ReapSignal): Promise<number | undefined> {
    const { shards, claimMs, graceMs } = this.#options;
    if (!(await this.#scripts.claim(node, kind, claimMs, graceMs))) return undefined;
    failPoint('after-reap-claim');
    const all = Array.from({ length: shards }, (_, shard) => shard);
    await Promise.all(all.slice(1).map((shard) => this.#scripts.tombstone(shard, node)));
    const hold = this.#holder(node);
    const removed = await Promise.all(all.map((shard) => this.#reapShard(shard, node, announce, hold)));
    await this.#scripts.release(node);
    failPoint('after-reap');
    return removed.reduce((sum, count) => sum + count, 0);
  }

  async #reapShard(shard: number, node: string, announce: ReapSignal, hold: () => Promise<void>): Promise<number> {
    let removed = 0;
    for (;;) {
      const batch = await this.#scripts.reapConnections(shard, node, BATCH);
      removed += batch.removed;
      if (batch.found < BATCH) break;
      await hold();
    }
    while ((await this.#scripts.reapRooms(shard, node, BATCH, announce)) === BATCH) await hold();
    return removed;
  }

  /** Returns a function that renews the claim if it is old; call it after each batch. */
  #holder(node: string): () => Promise<void> {
    const { claimMs, graceMs } = this.#options;
    let heldAt = performance.now();
    return async () => {
      if (performance.now() - heldAt < claimMs / 3) return;
      heldAt = performance.now();
      await this.#scripts.claim(node, 'hold', claimMs, graceMs);
    };
  }
}
