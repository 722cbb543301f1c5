import { setTimeout as delay } from 'node:timers/promises';
import { quantile } from '#bench/measure/stats.ts';
import type { Dialect, Place } from './dialect.ts';
import { dialectOf } from './dialects.ts';
import { LoadClient } from './load-client.ts';
import { MessageFrame, readStamps } from './message-frame.ts';
import type { Plan, Recovered, Recovering } from './plan.ts';
import { signToken } from './token.ts';

/** Time before the cut, and after everybody is back. */
const LEAD_MS = 1_000;
const SETTLE_MS = 1_000;
const LATEST_MS = 8_000;
const STEP_MS = 5;

/** Somebody who listens, is cut off, comes back at the next node, and notes what arrived. */
class Listener {
  readonly seen = new Set<number>();
  repeated = 0;
  /** When all that was missed had arrived. */
  completeAt = Number.POSITIVE_INFINITY;
  /** Numbers below this are expected; undefined before the return. */
  due: number | undefined;
  #client: LoadClient | undefined;
  #position: string | undefined;
  readonly #dialect: Dialect;
  readonly #place: Place;

  constructor(dialect: Dialect, place: Place) {
    this.#dialect = dialect;
    this.#place = place;
  }

  /** Connects: at first, or with the position it had. */
  async open(port: number): Promise<void> {
    const since = this.#position;
    this.#client = new LoadClient({
      port,
      dialect: this.#dialect,
      place: { ...this.#place, recovers: true, ...(since !== undefined && { since }) },
      lazy: false,
      whole: true,
      every: true,
      sink: (chunk, start, length) => this.#read(chunk, start, length),
    });
    await this.#client.open();
  }

  cut(): void {
    this.#client?.end();
  }

  /** How many of the first `count` messages are missing. */
  missing(count: number): number {
    let missing = 0;
    for (let i = 0; i < count; i++) if (!this.seen.has(i)) missing += 1;
    return missing;
  }

  #read(chunk: Buffer, start: number, length: number): void {
    const { recovery } = this.#dialect;
    if (recovery !== undefined) this.#position = recovery.position(chunk.toString('latin1', start, start + length), this.#position);
    for (const number of readStamps(chunk, start, length)) {
      if (this.seen.has(number)) this.repeated += 1;
      this.seen.add(number);
    }
    this.check();
  }

  check(): void {
    if (this.due === undefined || this.completeAt < Number.POSITIVE_INFINITY || this.seen.size < this.due) return;
    if (this.missing(this.due) === 0) this.completeAt = performance.now();
  }
}

/**
 * All listeners of a room are cut off at once while somebody publishes, and come back at once.
 * @throws Error if one cannot connect at first.
 */
export async function recover(plan: Plan, { cutMs, rate }: Recovering): Promise<Recovered> {
  const dialect = dialectOf(plan.dialect);
  const room = plan.rooms[0] ?? '';
  const place = (user: string): Place => ({
    room,
    user,
    token: plan.secret === null ? null : signToken(plan.secret, user, Date.now()),
  });
  const port = (n: number) => plan.ports[n % plan.ports.length] ?? 0;
  const listeners = Array.from({ length: plan.members }, (_, n) => new Listener(dialect, place(`${plan.userPrefix}-${n}`)));
  for (const [n, listener] of listeners.entries()) await listener.open(port(n));
  const writer = { place: place(`${plan.userPrefix}-writer`), number: 0 };
  const client = new LoadClient({ port: port(0), dialect, place: writer.place, lazy: false });
  await client.open();
  const frame = new MessageFrame((text, id) => dialect.message(text, id, writer.place));
  // Servers may subscribe after they answered.
  await delay(SETTLE_MS);
  const publishing = setInterval(() => {
    const number = writer.number++;
    client.send(frame.stamped(number, number));
  }, 1000 / rate);
  await delay(LEAD_MS);
  for (const listener of listeners) listener.cut();
  const sentAtCut = writer.number;
  await delay(cutMs);
  const returned = performance.now();
  const due = writer.number;
  for (const listener of listeners) listener.due = due;
  const opened = await Promise.allSettled(listeners.map((listener, n) => listener.open(port(n + 1))));
  const latest = returned + LATEST_MS;
  while (listeners.some(({ completeAt }) => completeAt === Number.POSITIVE_INFINITY) && performance.now() < latest) await delay(STEP_MS);
  clearInterval(publishing);
  await delay(SETTLE_MS);
  const missing = listeners.reduce((sum, listener) => sum + listener.missing(due), 0);
  for (const listener of listeners) listener.cut();
  client.end();
  const times = Float64Array.from(listeners.map(({ completeAt }) => completeAt - returned)).sort();
  return {
    missed: (due - sentAtCut) * listeners.length,
    lost: missing,
    repeated: listeners.reduce((sum, { repeated }) => sum + repeated, 0),
    failed: opened.filter(({ status }) => status === 'rejected').length,
    p50: nearest(times, 0.5),
    last: nearest(times, 1),
  };
}

/** Without interpolation. A client that misses a message has no time. */
function nearest(sorted: Float64Array, q: number): number {
  const at = Math.floor((sorted.length - 1) * q);
  return quantile(sorted.subarray(at, at + 1), 0);
}
