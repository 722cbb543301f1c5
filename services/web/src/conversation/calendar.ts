/** Calendar days of this device's time zone. A day may have 23, 24 or 25 hours. */

/** The day of a time, as seen from `now`. Both are Unix milliseconds. */
export function dayFrom(at: number, now: number): 'today' | 'yesterday' | 'other' {
  const days = dayNumber(now) - dayNumber(at);
  return days === 0 ? 'today' : days === 1 ? 'yesterday' : 'other';
}

/** Milliseconds from `now` to the first moment of the next day. */
export function untilNextDay(now: number): number {
  const date = new Date(now);
  return new Date(date.getFullYear(), date.getMonth(), date.getDate() + 1).getTime() - now;
}

const DAY_MS = 86_400_000;

/** Counts calendar days. In UTC all of them have the same length. */
function dayNumber(at: number): number {
  const date = new Date(at);
  return Date.UTC(date.getFullYear(), date.getMonth(), date.getDate()) / DAY_MS;
}
