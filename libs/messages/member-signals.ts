/** Sends messages of private rooms to the own channels of their members (R5). */
import { setTimeout as delay } from 'node:timers/promises';
import type { Broker, Topic } from '#libs/broker/broker.ts';
import { encode } from '#libs/protocol/signals.ts';
import type { Background } from '#libs/telemetry/background.ts';
import { Retention } from './room-access.ts';

/** How often members are told again where the backend is away, and the pause between, milliseconds: until their connections end, too. */
const TELL_TRIES = 60;
const TELL_PAUSE_MS = 500;

/** Returns the members of a room: at once if they are known. Rejects with `HubError` `UNAVAILABLE`. */
export type Members = () => readonly string[] | Promise<readonly string[]>;

export interface MemberSignalsOptions {
  readonly broker: Pick<Broker, 'emit'>;
  /** Resolves after so many milliseconds. Default the system's timer; it must not keep a process alive. */
  readonly wait?: ((ms: number) => Promise<unknown>) | undefined;
  readonly background: Background;
}

export class MemberSignals {
  readonly #options: MemberSignalsOptions;

  constructor(options: MemberSignalsOptions) {
    this.#options = options;
  }

  /**
   * Tells every member of a message. `frame`: the finished one, with its offset. `epoch`: of rooms that keep only a stream, whose offsets begin anew where
   * Redis lost them; in those that keep history they never fall (M3). Nobody waits for it, and it never throws: it is tried for half a minute. In
   * any order and more than once is harmless: members' nodes go by the offset, hand a message over once, and what lies before it first.
   */
  tell(members: readonly string[], retention: Retention, frame: string, epoch = ''): void {
    const payload = encode(retention === Retention.history ? { kind: 'stored', frame } : { kind: 'streamed', epoch, frame });
    for (const member of members) this.#options.background.run('member-signals', () => this.#signal(`u:${member}`, payload));
  }

  /** As `tell`, to the present members. If the store cannot be asked for 30 seconds, they get the message with the next one, or at their next connect. */
  tellNow(members: Members, retention: Retention, frame: string, epoch?: string): void {
    const known = members();
    if (!(known instanceof Promise)) {
      this.tell(known, retention, frame, epoch);
      return;
    }
    this.#options.background.run('member-signals', () =>
      this.#patiently(async (first) => this.tell(await (first ? known : members()), retention, frame, epoch)),
    );
  }

  /**
   * Members' nodes make good what they missed when their own way to the backend is whole again, which may be before this node's is: what was stored after
   * that look is told as soon as it can be.
   */
  #signal(topic: Topic, payload: string): Promise<void> {
    return this.#patiently(() => this.#options.broker.emit(topic, payload));
  }

  async #patiently(step: (first: boolean) => Promise<void>): Promise<void> {
    const { background, wait = (ms) => delay(ms, undefined, { ref: false }) } = this.#options;
    for (let tries = 1; tries <= TELL_TRIES; tries += 1) {
      try {
        await step(tries === 1);
        return;
      } catch (error) {
        background.failed('member-signals', error);
        await wait(TELL_PAUSE_MS);
      }
    }
  }
}
