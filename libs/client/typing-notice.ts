import type { SendQueue } from './send-queue.ts';
import type { Clock } from './timer.ts';

/** The hub passes it on once in this time at most, milliseconds. */
const AGAIN_MS = 1000;

/** Sends `typing`. Late it is worth nothing, so it never waits. */
export class TypingNotice {
  readonly #wire: SendQueue;
  readonly #clock: Clock;
  #room = '';
  #at = 0;

  constructor(wire: SendQueue, clock: Clock) {
    this.#wire = wire;
    this.#clock = clock;
  }

  tell(room: string): void {
    const now = this.#clock.steady();
    if (this.#wire.busy || (room === this.#room && now - this.#at < AGAIN_MS)) return;
    this.#room = room;
    this.#at = now;
    this.#wire.send({ type: 'typing', room });
  }
}
