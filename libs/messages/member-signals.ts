/** Sends messages of private rooms to the own channels of their members (R5). */
import { setTimeout as delay } from 'node:timers/promises';
import type { Broker, Topic } from '#libs/broker/broker.ts';
import { encode } from '#libs/protocol/signals.ts';
import type { Background } from '#libs/telemetry/background.ts';
import { Retention } from './room-access.ts';

/**
 * Attempts while the backend is away, and the milliseconds between two. Together 30 s: after that
 * the members' connections end, too.
 */
const SIGNAL_TRIES = 60;
const SIGNAL_PAUSE_MS = 500;

/** Returns the members of a room. Rejects with `HubError` `UNAVAILABLE`. */
export type MemberLookup = () => Promise<readonly string[]>;

/** Options of `MemberSignals`. */
export interface MemberSignalsOptions {
  readonly broker: Pick<Broker, 'emit'>;
  /**
   * Resolves after this many milliseconds and does not keep the process alive. Default: the
   * system's timer.
   */
  readonly wait?: ((ms: number) => Promise<unknown>) | undefined;
  readonly background: Background;
}

/** Sends messages of private rooms to their members. */
export class MemberSignals {
  readonly #options: MemberSignalsOptions;

  constructor(options: MemberSignalsOptions) {
    this.#options = options;
  }

  /**
   * Signals a message to every member. Never throws. Retries in the background for half a minute.
   * Signals may arrive in any order and more than once: the members' nodes order them by offset.
   *
   * @param frame The finished frame, with its offset.
   * @param epoch For rooms that keep a stream only: if Redis lost their offsets, these start again.
   *   In rooms with history they never decrease (M3).
   */
  signal(members: readonly string[], retention: Retention, frame: string, epoch = ''): void {
    const payload = encode(retention === Retention.history ? { kind: 'stored', frame } : { kind: 'streamed', epoch, frame });
    for (const member of members) this.#options.background.run('member-signals', () => this.#emit(`u:${member}`, payload));
  }

  /**
   * As `signal`, to the present members. If the store is away for 30 seconds, members get the
   * message with the next one, or at their next connect.
   */
  signalPresent(members: MemberLookup, retention: Retention, frame: string, epoch?: string): void {
    this.#options.background.run('member-signals', () =>
      this.#patiently(async () => this.signal(await members(), retention, frame, epoch)),
    );
  }

  /**
   * Sends one signal. A member's node looks for missed messages when its own connection to the
   * backend is back. This node may be cut off longer, so it signals the messages stored after that
   * look as soon as it can.
   */
  #emit(topic: Topic, payload: string): Promise<void> {
    return this.#patiently(() => this.#options.broker.emit(topic, payload));
  }

  async #patiently(step: () => Promise<void>): Promise<void> {
    const { background, wait = (ms) => delay(ms, undefined, { ref: false }) } = this.#options;
    for (let tries = 1; tries <= SIGNAL_TRIES; tries += 1) {
      try {
        await step();
        return;
      } catch (error) {
        background.failed('member-signals', error);
        await wait(SIGNAL_PAUSE_MS);
      }
    }
  }
}
