import type { Jobs } from './jobs.ts';

/**
 * Sets when a room is closed by a job: once for each change of its expiry. `undefined`: never. A time that is over: at once.
 * Rejects with `UNAVAILABLE` as `Jobs.add`; the store has the truth, so a caller may leave it to the sweep, which closes what is overdue.
 */
export async function scheduleExpiry(jobs: Jobs, room: string, expiresAt: number | undefined, now: number): Promise<void> {
  if (expiresAt === undefined) {
    await jobs.remove('room-expiry', room);
    return;
  }
  const delayMs = Math.max(0, expiresAt - now);
  if (!(await jobs.move('room-expiry', room, delayMs))) await jobs.add('room-expiry', { room }, { id: room, delayMs });
}
