/** What people are told when their rooms change: the one place that knows which signal carries it. */
import type { Broker, Topic } from '#libs/broker/broker.ts';
import { personJson } from '#libs/protocol/person.ts';
import { type ManagedPolicy, type ManagedRoomKind, ROOM_KINDS } from '#libs/protocol/room-kinds.ts';
import { buildFrame, JsonText } from '#libs/protocol/server-frame.ts';
import { type EndReason, encode, type RoomSignal, type UserSignal } from '#libs/protocol/signals.ts';
import type { ConversationRecord } from '#libs/store/conversation-store.ts';
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
 * Tells what the store already holds, so nothing is decided here and nothing rejects: a notice that cannot be sent now is tried again for ten seconds.
 * Each reaches whoever is connected then, at most once; who was not asks the API. Gateways learn from the store that somebody lost a room (R7): these
 * signals make it faster.
 */
export class Notifier {
  readonly #options: NotifierOptions;

  constructor(options: NotifierOptions) {
    this.#options = options;
  }

  /** Both learn of their pair, each with the other (A9). */
  async matched(room: string, one: RoomMember, other: RoomMember): Promise<void> {
    await Promise.all([
      this.#frame(one.id, buildFrame('matched', { room, with: new JsonText(personJson(other)) })),
      this.#frame(other.id, buildFrame('matched', { room, with: new JsonText(personJson(one)) })),
      this.membership(room, [one.id, other.id]),
    ]);
  }

  /** The room is over: whoever is in it is told and taken out. Private rooms are told over the members' own channels (R5). */
  async closed(room: string, kind: ManagedRoomKind, members: readonly RoomMember[], reason: EndReason): Promise<void> {
    const { isPrivate }: ManagedPolicy = ROOM_KINDS[kind];
    if (isPrivate !== true) await this.#send(`r:${room}`, { kind: 'closed', reason });
    else await Promise.all(members.map(({ id }) => this.#send(`u:${id}`, { kind: 'privateClosed', room, reason })));
  }

  /** What the gateways know about these users' place in the room is out of date. */
  async membership(room: string, users: readonly string[]): Promise<void> {
    await Promise.all(users.map((user) => this.#send(`u:${user}`, { kind: 'membership', room })));
  }

  /** Users were taken into a group or out of it: `command {code:"room", body:{room,name,action}}`. */
  async memberChange(room: string, name: string, action: 'added' | 'removed', users: readonly string[]): Promise<void> {
    const frame = buildFrame('command', { code: 'room', body: { room, name, action } });
    await Promise.all([this.membership(room, users), ...users.map((user) => this.#frame(user, frame))]);
  }

  /** History is wanted by the other one of a pair, or is kept from now on: `command {code:"pair", body:{room,keepHistory}}` (A9). */
  async pairHistory(room: string, keepHistory: 'asked' | 'kept', users: readonly string[]): Promise<void> {
    const frame = buildFrame('command', { code: 'pair', body: { room, keepHistory } });
    await Promise.all(users.map((user) => this.#frame(user, frame)));
  }

  /**
   * A conversation changed hands: `command {code:"conversation", body:{room,state,subject,customer,agent?}}` for its customer, its agent and the agent
   * it was taken from.
   */
  async conversation(record: ConversationRecord, before?: RoomMember): Promise<void> {
    const { room, state, subject, customer, agent } = record;
    const frame = buildFrame('command', { code: 'conversation', body: { room, state, subject, customer, agent } });
    const users = new Set([customer, agent, before].filter((one) => one !== undefined).map(({ id }) => id));
    await Promise.all([this.membership(room, [...users]), ...[...users].map((user) => this.#frame(user, frame))]);
  }

  #frame(user: string, frame: string): Promise<void> {
    return this.#send(`u:${user}`, { kind: 'frame', frame });
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
