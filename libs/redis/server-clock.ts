/** The difference between the wall clock of this machine and that of a Redis server. */

/** Readings that are kept. The one with the shortest round trip counts. */
const READINGS = 16;

interface Reading {
  /** Seconds that this machine is ahead. */
  readonly offset: number;
  /** Seconds of the round trip. */
  readonly roundTrip: number;
}

/**
 * Estimates the difference as NTP does (RFC 5905 section 8): the server's time is taken for that of
 * the middle between question and answer. So a reading is off by half its round trip at most.
 */
export class ServerClock {
  readonly #readings: Reading[] = [];

  /**
   * Takes the answer to INFO, which has just come.
   *
   * @param asked When it was asked for, a moment of `performance.now()`.
   * @param now Unix milliseconds.
   */
  read(info: string, asked: number, now = Date.now()): void {
    const server = /^server_time_usec:(\d+)/m.exec(info)?.[1];
    if (server === undefined) return;
    const roundTrip = (performance.now() - asked) / 1000;
    const offset = now / 1000 - roundTrip / 2 - Number(server) / 1e6;
    const last = this.#readings.at(-1);
    // Somebody has set one of the clocks: earlier readings are of no use.
    if (last !== undefined && Math.abs(offset - last.offset) > roundTrip + last.roundTrip + STEP_SECONDS) this.#readings.length = 0;
    this.#readings.push({ offset, roundTrip });
    if (this.#readings.length > READINGS) this.#readings.shift();
  }

  /**
   * Seconds that this machine is ahead of the server. 0 if the difference may be nothing but the
   * round trip, and before the first reading.
   */
  get offset(): number {
    const [first, ...others] = this.#readings;
    if (first === undefined) return 0;
    const best = others.reduce((least, reading) => (reading.roundTrip < least.roundTrip ? reading : least), first);
    return Math.abs(best.offset) <= best.roundTrip / 2 + MILLISECOND ? 0 : best.offset;
  }
}

/** `Date.now` counts whole milliseconds. */
const MILLISECOND = 0.001;
/** A jump above this is no drift of a clock. */
const STEP_SECONDS = 0.05;
