import { failPoint } from '#libs/config/fail-point.ts';
import type { ClaimKind, PresenceScripts, ReapSignal } from './presence-scripts.ts';

/** Entries one script call removes: some 2 ms of Redis. */
const BATCH = 500;

export interface ReaperOptions {
  readonly shards: number;
  /** Milliseconds a claim keeps other reapers off; it is renewed while the work goes on. */
  readonly claimMs: number;
  /** As in `LeaseOptions`. */
  readonly graceMs: number;
}

/**
 * Removes everything of one node: a dead one's, a former incarnation's, or this node's own when it leaves.
 *
 * The claim puts a tombstone into each shard first, so that nothing can be added behind its back. Each batch is atomic, and an entry is removed and
 * announced by whoever removes it: two reapers of one node do no harm.
 */
export class Reaper {
  readonly #scripts: PresenceScripts;
  readonly #options: ReaperOptions;

  constructor(scripts: PresenceScripts, options: ReaperOptions) {
    this.#scripts = scripts;
    this.#options = options;
  }

  /**
   * Resolves with the number of connections removed; with `undefined` where the node lives or is another's to reap.
   * Rejects with `UNAVAILABLE` when Redis goes away meanwhile: the claim runs out and whoever sees that starts again.
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

  /** Renews the claim now and then; called after each batch. */
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
