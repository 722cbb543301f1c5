import type { ClientFrame } from '#libs/protocol/frame-types.ts';
import type { RateLimiter } from './rate-limiter.ts';

/**
 * The frames to send. Frames are dropped without a connection, and so are those that wait when it
 * ends: each sender sends again by itself.
 */
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

  /** Whether frames wait for their turn. */
  get busy(): boolean {
    return !this.#pacer.idle;
  }

  /** Sends a frame in its turn, unless `wanted` returns false then. */
  send(frame: ClientFrame, wanted: () => boolean = () => true): void {
    if (!this.up) return;
    this.#pacer.run(() => {
      if (!wanted()) return false;
      this.#send(frame);
      return true;
    });
  }

  /** The connection is lost. */
  clear(): void {
    this.#pacer.clear();
  }
}
