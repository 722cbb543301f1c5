/**
 * The messages sent to one connection that are not known to have arrived (M6). `Receipts` asks for
 * them.
 */

/** The messages that were sent before a ping. */
export interface Receipt {
  readonly ping: string;
  /** Room to offset. */
  readonly upTo: ReadonlyMap<string, number>;
}

const NOTHING: ReadonlyMap<string, number> = new Map();

export class ReceiptState {
  /** Messages were sent since the last ping that asks for receipt. */
  #isUnacknowledged = false;
  /** Highest offset by room that offline delivery sent and no ping has asked about yet. */
  #offline: ReadonlyMap<string, number> | undefined;
  /** The messages that arrived if the client answers this ping. */
  #asked: Receipt | undefined;
  /** When that ping was last sent, milliseconds of the steady clock. */
  #askedAt = 0;
  /** The client sends `delivered`: nothing else counts as one. */
  #reports = false;

  /** Whether a ping should ask for receipt now. */
  get isDue(): boolean {
    return this.#isUnacknowledged && this.#asked === undefined && !this.#reports;
  }

  /** The ping that is not answered yet. */
  get asked(): Receipt | undefined {
    return this.#asked;
  }

  /** A message was sent. */
  sent(): void {
    this.#isUnacknowledged = true;
  }

  /** Offline delivery sent the messages of these rooms up to these offsets. */
  sentOffline(upTo: ReadonlyMap<string, number>): void {
    this.#offline = upTo;
    this.#isUnacknowledged = true;
  }

  /** The client sent `delivered`. From now on it reports by itself. */
  reported(): void {
    this.#reports = true;
    this.#offline = undefined;
  }

  /**
   * Returns what offline delivery sent since the last ping. The next ping asks about it and about
   * everything sent live.
   */
  take(): ReadonlyMap<string, number> {
    const offline = this.#offline ?? NOTHING;
    this.#offline = undefined;
    this.#isUnacknowledged = false;
    return offline;
  }

  /** The ping was sent, at this moment of the steady clock. */
  ask(receipt: Receipt, now: number): void {
    this.#asked = receipt;
    this.#askedAt = now;
  }

  /**
   * Whether the ping was last sent at least so many milliseconds ago. If so, it counts as sent
   * again now.
   */
  asksAgain(now: number, afterMs: number): boolean {
    if (now - this.#askedAt < afterMs) return false;
    this.#askedAt = now;
    return true;
  }

  /** The ping was answered. Returns what has arrived; nothing if the client reports by itself. */
  answered(): ReadonlyMap<string, number> {
    const upTo = this.#asked?.upTo ?? NOTHING;
    this.#asked = undefined;
    return this.#reports ? NOTHING : upTo;
  }
}
