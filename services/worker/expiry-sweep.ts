import { scheduleExpiry } from '#libs/jobs/expiry-schedule.ts';
import type { Jobs } from '#libs/jobs/jobs.ts';
import type { RoomStore } from '#libs/store/store.ts';

export interface ExpirySweepOptions {
  readonly rooms: Pick<RoomStore, 'overdue' | 'expiring'>;
  readonly jobs: Jobs;
  /** Unix milliseconds. */
  readonly now: () => number;
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

  /** Gives each expiring room its job again, where jobs were lost. */
  async restore(): Promise<void> {
    const { rooms, jobs, now } = this.#options;
    const expiring: { readonly room: string; readonly expiresAt: number }[] = [];
    for (let after = ''; ; after = expiring.at(-1)?.room ?? '') {
      const page = await rooms.expiring(after, PAGE);
      expiring.push(...page);
      if (page.length < PAGE) break;
    }
    // Asked for afterwards: a room made meanwhile counts here, not there.
    const { waiting, active, delayed } = (await jobs.counts())['room-expiry'];
    if (waiting + active + delayed >= expiring.length) return;
    for (let start = 0; start < expiring.length; start += PAGE) {
      const chunk = expiring.slice(start, start + PAGE);
      await Promise.all(
        chunk.map(({ room, expiresAt }) => jobs.add('room-expiry', { room }, { id: room, delayMs: Math.max(0, expiresAt - now()) })),
      );
    }
  }
}
