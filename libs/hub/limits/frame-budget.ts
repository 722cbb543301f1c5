/** Token bucket of one connection's frames (F3), and its record of frames refused (F1, F3). */
import { INVALID_FRAMES_MAX, INVALID_WINDOW_MS } from '#libs/protocol/limits.ts';

export interface FrameLimits {
  /** Frames a second; 0: no limit. */
  readonly rate: number;
  /** Frames at once. */
  readonly burst: number;
}

/** Refusals within `ABUSE_WINDOW_MS` after which a connection is closed: five bursts of 40. */
const ABUSE_MAX = 200;
const ABUSE_WINDOW_MS = 10_000;
/** Seconds that a connection closed for its rate stays away (C, 4029). */
export const ABUSE_SECONDS = 10;

/** Milliseconds in which one pong is expected. */
const PONG_MS = 1000;

export const FrameAllowance = { ok: 0, limited: 1, abuse: 2 } as const;
export type FrameAllowance = (typeof FrameAllowance)[keyof typeof FrameAllowance];

/** Counts events in a window that starts with the first one after the last window ended. */
export class StrikeCounter {
  #since = Number.NEGATIVE_INFINITY;
  #count = 0;

  /**
   * Returns true if this event is number `max` within `windowMs`. `now`: milliseconds of any steady
   * clock.
   */
  strike(now: number, max: number, windowMs: number): boolean {
    if (now - this.#since > windowMs) {
      this.#since = now;
      this.#count = 0;
    }
    this.#count += 1;
    return this.#count >= max;
  }
}

export class FrameBudget {
  #tokens: number;
  #stamp: number;
  #abuse: StrikeCounter | undefined;

  constructor(limits: FrameLimits, now: number) {
    this.#tokens = limits.burst;
    this.#stamp = now;
  }

  /**
   * Takes one frame from the bucket. `now` in milliseconds of the steady clock given at the start.
   */
  take(limits: FrameLimits, now: number): FrameAllowance {
    if (limits.rate === 0) return FrameAllowance.ok;
    this.#tokens = Math.min(limits.burst, this.#tokens + ((now - this.#stamp) * limits.rate) / 1000);
    this.#stamp = now;
    if (this.#tokens >= 1) {
      this.#tokens -= 1;
      return FrameAllowance.ok;
    }
    this.#abuse ??= new StrikeCounter();
    return this.#abuse.strike(now, ABUSE_MAX, ABUSE_WINDOW_MS) ? FrameAllowance.abuse : FrameAllowance.limited;
  }

  /** Seconds until a frame is taken again, with three decimals. */
  retryAfter(limits: FrameLimits): number {
    return Math.ceil(((1 - this.#tokens) / limits.rate) * 1000) / 1000;
  }
}

/**
 * The frames that one connection may send, and its record of bad ones (F1, F3). Moments are
 * milliseconds of one steady clock.
 */
export class ConnectionBudget extends FrameBudget {
  #invalidFrames: StrikeCounter | undefined;
  /** Protocol pings of late, and pongs beyond one a second. */
  #pings: StrikeCounter | undefined;
  #pongedAt = Number.NEGATIVE_INFINITY;

  /** Counts an invalid frame. Returns true if the connection sent too many. */
  invalidFrame(now: number): boolean {
    this.#invalidFrames ??= new StrikeCounter();
    return this.#invalidFrames.strike(now, INVALID_FRAMES_MAX, INVALID_WINDOW_MS);
  }

  /** Counts a protocol ping. Returns true if there were more than `perSecond`. */
  ping(now: number, perSecond: number): boolean {
    this.#pings ??= new StrikeCounter();
    return this.#pings.strike(now, perSecond + 1, 1000);
  }

  /**
   * Counts a pong without a ping of the hub. Returns true if it is the first in `PONG_MS`:
   * uWebSockets.js pings every few seconds by itself.
   */
  isExpectedPong(now: number): boolean {
    if (now - this.#pongedAt < PONG_MS) return false;
    this.#pongedAt = now;
    return true;
  }
}
