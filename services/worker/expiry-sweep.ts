import { scheduleExpiry } from '#libs/jobs/expiry-schedule.ts';
import type { Jobs } from '#libs/jobs/jobs.ts';
import type { RoomEnd, RoomStore } from '#libs/store/room-store.ts';

export interface ExpirySweepOptions {
  readonly rooms: Pick<RoomStore, 'overdue' | 'expiring'>;
  readonly jobs: Jobs;
  /** Unix milliseconds. */
  readonly now: () => number;
  /** How far ahead `restore` looks, milliseconds: beyond its next turn. */
  readonly aheadMs: number;
}

/** Rooms taken at once. */
const PAGE = 500;

/** Rooms that end are known to the store; jobs are what makes it punctual. Puts right where the two differ. Several at once are harmless. */
export class ExpirySweep {
  readonly #options: ExpirySweepOptions;

  constructor(options: ExpirySweepOptions) {
    this.#options = options;
  }

  /** Has every room closed now whose time is over. */
  async overdue(): Promise<void> {
    const { rooms, jobs, now } = this.#options;
    const at = now();
    for (const room of await rooms.overdue(at, PAGE)) await scheduleExpiry(jobs, room, at, at);
  }

  /**
   * Gives rooms their jobs again that were lost: those that end soon, so that the work does not grow with all that ever will. Whatever ends later is looked
   * at in time.
   */
  async restore(): Promise<void> {
    const { rooms, jobs, now, aheadMs } = this.#options;
    const from = now();
    let after: RoomEnd = { room: '', expiresAt: from };
    for (;;) {
      const page = await rooms.expiring(after, from + aheadMs, PAGE);
      await Promise.all(
        page.map(({ room, expiresAt }) => jobs.add('room-expiry', { room }, { id: room, delayMs: Math.max(0, expiresAt - now()) })),
      );
      const last = page.at(-1);
      if (last === undefined || page.length < PAGE) return;
      after = last;
    }
  }
}
