/** The times of the commands of one connection, which are answered in the order they were sent. */

/** Records durations in seconds. */
export interface CommandTiming {
  record(seconds: number): void;
}

/** Commands that fit at first: a power of two. It doubles as needed. */
const PLACES = 256;

/**
 * A ring of the commands in flight. A command costs two stores and no allocation: a closure for each
 * would cost more than the rest of the measurement.
 */
export class CommandTimings {
  #at = new Float64Array(PLACES);
  #timings: (CommandTiming | undefined)[] = new Array(PLACES).fill(undefined);
  /** Commands sent and settled since `clear`. */
  #sent = 0;
  #settled = 0;

  /** A command is sent. `timing`: undefined if nobody observes it. */
  sent(timing: CommandTiming | undefined): void {
    if (this.#sent - this.#settled === this.#at.length) this.#grow();
    const place = this.#sent & (this.#at.length - 1);
    this.#at[place] = timing === undefined ? 0 : performance.now();
    this.#timings[place] = timing;
    this.#sent += 1;
  }

  /** The oldest command in flight was answered, or failed. */
  settled(): void {
    // A failure of an earlier connection.
    if (this.#settled === this.#sent) return;
    const place = this.#settled & (this.#at.length - 1);
    this.#settled += 1;
    this.#timings[place]?.record((performance.now() - (this.#at[place] ?? 0)) / 1000);
  }

  /** A new connection: no command is in flight. */
  clear(): void {
    this.#sent = this.#settled = 0;
  }

  #grow(): void {
    const { length } = this.#at;
    const [at, timings] = [this.#at, this.#timings];
    this.#at = new Float64Array(length * 2);
    this.#timings = new Array(length * 2).fill(undefined);
    for (let command = this.#settled; command < this.#sent; command += 1) {
      this.#at[command & (length * 2 - 1)] = at[command & (length - 1)] ?? 0;
      this.#timings[command & (length * 2 - 1)] = timings[command & (length - 1)];
    }
  }
}
