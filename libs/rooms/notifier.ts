/** Signals to the gateways when rooms change: faster than the log of events, which tells them the same. */
import type { Broker, Topic } from '#libs/broker/broker.ts';
import { type ManagedPolicy, type ManagedRoomKind, ROOM_KINDS } from '#libs/protocol/room-kinds.ts';
import { type EndReason, encode, type RoomSignal, type UserSignal } from '#libs/protocol/signals.ts';
import type { RoomMember } from '#libs/store/room-store.ts';

export interface NotifierOptions {
  readonly broker: Pick<Broker, 'emit'>;
  /** Resolves after so many milliseconds. It must not keep a process alive. */
  readonly wait: (milliseconds: number) => Promise<void>;
  /** A notice could not be sent within all attempts. */
  readonly lost?: (error: unknown) => void;
}

/** Attempts to send a notice while the backend is away, and milliseconds between two. */
const ATTEMPTS = 20;
const RETRY_MS = 500;

/**
 * Signals what the store already holds, so nothing is decided here and nothing rejects: a signal that cannot be sent now is retried for ten seconds. If it
 * is lost, gateways learn the same from the log of events within two seconds (R7). What people are told `Notices` sends.
 */
export class Notifier {
  readonly #options: NotifierOptions;

  constructor(options: NotifierOptions) {
    this.#options = options;
  }

  /** The room is over: gateways report it to everybody who is in it, and take them out. For private rooms it goes over the members' own channels (R5). */
  async closed(room: string, kind: ManagedRoomKind, members: readonly RoomMember[], reason: EndReason): Promise<void> {
    const { isPrivate }: ManagedPolicy = ROOM_KINDS[kind];
    if (isPrivate !== true) await this.#send(`r:${room}`, { kind: 'closed', reason });
    else await Promise.all(members.map(({ id }) => this.#send(`u:${id}`, { kind: 'privateClosed', room, reason })));
  }

  /** What the gateways know about these users' place in the room is out of date. */
  async membership(room: string, users: readonly string[]): Promise<void> {
    await Promise.all(users.map((user) => this.#send(`u:${user}`, { kind: 'membership', room })));
  }

  #send(room: `r:${string}`, signal: RoomSignal<string>): Promise<void>;
  #send(user: `u:${string}`, signal: UserSignal<string>): Promise<void>;
  /** One attempt is waited for; the others go on behind the caller's back. */
  async #send(topic: Topic, signal: RoomSignal<string> | UserSignal<string>): Promise<void> {
    const payload = encode(signal);
    try {
      await this.#options.broker.emit(topic, payload);
    } catch {
      this.#again(topic, payload).catch((error: unknown) => this.#options.lost?.(error));
    }
  }

  async #again(topic: Topic, payload: string): Promise<void> {
    const { broker, wait, lost } = this.#options;
    for (let attempt = 2; ; attempt++) {
      await wait(RETRY_MS);
      try {
        return await broker.emit(topic, payload);
      } catch (error) {
        if (attempt >= ATTEMPTS) return lost?.(error);
      }
    }
  }
}
