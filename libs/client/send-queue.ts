import type { ClientFrame } from '#libs/protocol/frame-types.ts';
import type { RateLimiter } from './rate-limiter.ts';

/** The way out. What is sent while there is no line is dropped, and so is what the line's end finds waiting: each sender comes again by itself. */
export class SendQueue {
  readonly #pacer: RateLimiter;
  readonly #isUp: () => boolean;
  readonly #send: (frame: ClientFrame) => void;

  constructor(pacer: RateLimiter, isUp: () => boolean, send: (frame: ClientFrame) => void) {
    this.#pacer = pacer;
    this.#isUp = isUp;
    this.#send = send;
  }

  get up(): boolean {
    return this.#isUp();
  }

  /** Frames wait for their turn. */
  get busy(): boolean {
    return !this.#pacer.idle;
  }

  /** Sends when its turn comes, unless it is not wanted any more then. */
  send(frame: ClientFrame, wanted: () => boolean = () => true): void {
    if (!this.up) return;
    this.#pacer.run(() => {
      if (!wanted()) return false;
      this.#send(frame);
      return true;
    });
  }

  /** The line is gone. */
  clear(): void {
    this.#pacer.clear();
  }
}
