import type { PresenceEdges } from '#libs/presence/presence-edges.ts';
import { Poll } from '#libs/process/poll.ts';
import type { Logger } from '#libs/telemetry/logger.ts';
import type { ObservedEvent } from './events.ts';
import { type ObservedPace, ObservedShard } from './observed-shard.ts';

export interface ObservedFeedOptions {
  readonly edges: PresenceEdges;
  /**
   * Works through events, in this order. Rejects if they have to come again. Calls for different
   * subjects may overlap.
   */
  readonly handle: (events: readonly ObservedEvent[]) => Promise<void>;
  /** The id of this feed among all. One that starts later has another one. */
  readonly holder: string;
  /** Milliseconds of a steady clock. */
  readonly clock: () => number;
  readonly log: Logger;
  readonly pace?: Partial<ObservedPace>;
  /** Milliseconds between two looks. Default 500. */
  readonly everyMs?: number;
}

const EVERY_MS = 500;
const PACE: ObservedPace = { graceMs: 3000, reconcileMs: 60_000, settleMs: 10_000, holdMs: 5000 };

/**
 * Reports observed events (`ObservedEvent`) to one of all processes that follow.
 *
 * - The events of a user or room alternate: one feed reports none twice in a row. `online` and
 *   `occupied` come within a second; `offline` and `vacated` after a grace of three seconds, and
 *   not at all if the subject is back by then.
 * - At least once. If the process ends, another one takes over within six seconds, or two if it
 *   stopped in order, and goes on from what was recorded. What was handled and not recorded yet
 *   comes again.
 * - Each minute everything that was reported is compared with presence, so that nothing lost stays
 *   lost: edges that Redis lost, or that were too many while nobody read. Then the difference is
 *   reported; a visit that began and ended unseen is not.
 * - Only if Redis loses everything and the process ends before it has recorded again (a minute at
 *   most), its successor does not know what was reported: it reports everybody who is present, and
 *   nobody who left meanwhile.
 */
export class ObservedFeed {
  readonly #shards: readonly ObservedShard[];
  readonly #poll: Poll;

  constructor({ edges, handle, holder, clock, log, pace, everyMs = EVERY_MS }: ObservedFeedOptions) {
    const all = { ...PACE, ...pace };
    this.#shards = Array.from(
      { length: edges.shards },
      (_, shard) => new ObservedShard({ edges, shard, holder, handle, clock, pace: all }),
    );
    this.#poll = new Poll({
      work: () => this.#turn(),
      everyMs,
      log,
      failing: 'observed events cannot be reported',
      working: 'observed events are reported again',
    });
  }

  /** Begins to look, and goes on. Never rejects. */
  async start(): Promise<void> {
    await this.#poll.refresh();
  }

  /**
   * Ends once the turn under way has, and lets another process take over at once. Never rejects.
   */
  async stop(): Promise<void> {
    await this.#poll.stop();
    // If the backend is away, the holds run out.
    await Promise.allSettled(this.#shards.map((shard) => shard.release()));
  }

  /** One shard that fails does not hold up the others. */
  async #turn(): Promise<void> {
    const turns = await Promise.allSettled(this.#shards.map((shard) => shard.turn()));
    for (const turn of turns) if (turn.status === 'rejected') throw turn.reason;
  }
}
