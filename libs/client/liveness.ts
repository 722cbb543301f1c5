import { type Clock, Timer } from './timer.ts';

/** How long an answer to a ping may take, milliseconds. */
const ANSWER_MS = 8000;
/** The same if there is reason to doubt the connection. */
const SHORT_ANSWER_MS = 3000;
/** If a timer fires this much too late, the machine was asleep, milliseconds. */
const SLEPT_MS = 5000;

export interface LivenessHandlers {
  ping(): void;
  /** No answer came: the connection is dead. */
  dead(): void;
}

/** Watches the silence of the connection. A dead one often looks open for many minutes. */
export class Liveness {
  readonly #clock: Clock;
  readonly #handlers: LivenessHandlers;
  readonly #quiet: Timer;
  readonly #answer: Timer;
  #heartbeatMs = 0;
  /** Milliseconds of the steady clock. */
  #heardAt = 0;
  /** Unix milliseconds: this clock goes on while the machine sleeps. */
  #strikesAt = 0;

  constructor(clock: Clock, handlers: LivenessHandlers) {
    this.#clock = clock;
    this.#handlers = handlers;
    this.#quiet = new Timer(clock, () => this.#looked());
    this.#answer = new Timer(clock, () => handlers.dead());
  }

  start(heartbeatSeconds: number): void {
    this.#heartbeatMs = heartbeatSeconds * 1000;
    this.heard();
    this.#watch(this.#heartbeatMs);
  }

  stop(): void {
    this.#quiet.stop();
    this.#answer.stop();
  }

  /** A frame came. */
  heard(): void {
    this.#heardAt = this.#clock.steady();
    this.#answer.stop();
  }

  /** Sends a ping that has to be answered soon. */
  doubt(): void {
    this.#ask(SHORT_ANSWER_MS);
  }

  #ask(milliseconds: number): void {
    const due = this.#answer.due;
    if (due !== undefined && due <= this.#clock.steady() + milliseconds) return;
    if (due === undefined) this.#handlers.ping();
    this.#answer.start(milliseconds);
  }

  #watch(milliseconds: number): void {
    this.#strikesAt = this.#clock.now() + milliseconds;
    this.#quiet.start(milliseconds);
  }

  #looked(): void {
    const silence = this.#clock.steady() - this.#heardAt;
    if (this.#clock.now() - this.#strikesAt > SLEPT_MS) this.doubt();
    else if (silence >= this.#heartbeatMs) this.#ask(ANSWER_MS);
    this.#watch(silence >= this.#heartbeatMs ? this.#heartbeatMs : this.#heartbeatMs - silence);
  }
}
