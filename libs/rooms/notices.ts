/**
 * Reports changes of rooms (A8, A9, A10): `Notices` sends frames to people, from the stored events;
 * `Notifier` sends signals to gateways.
 */

import type { Broker, Topic } from '#libs/broker/broker.ts';
import type { StoredEventOf } from '#libs/events/events.ts';
import type { Person } from '#libs/protocol/frame-types.ts';
import { type ManagedPolicy, type ManagedRoomKind, ROOM_KINDS } from '#libs/protocol/room-kinds.ts';
import { buildFrame, JsonText, personJson } from '#libs/protocol/server-frame.ts';
import { type EndReason, encode, type RoomSignal, type UserSignal } from '#libs/protocol/signals.ts';
import type { RoomStore } from '#libs/store/room-store.ts';
import type { PersonKinds } from './people.ts';

/** The kinds of events that people get notices about. */
export const NOTICE_EVENTS = ['room_opened', 'member_joined', 'member_left', 'room_changed', 'history_asked', 'conversation'] as const;
/** An event that people get notices about. */
export type NoticeEvent = StoredEventOf<(typeof NOTICE_EVENTS)[number]>;

/** Dependencies of `Notices`. */
export interface NoticesOptions {
  readonly rooms: Pick<RoomStore, 'withMembers'>;
  readonly kinds: Pick<PersonKinds, 'of'>;
  readonly broker: Pick<Broker, 'emit'>;
}

/**
 * Milliseconds after which the notice of an event is not sent any more: people have asked the API
 * meanwhile.
 */
export const NOTICE_MAX_AGE_MS = 300_000;

interface Notice {
  readonly user: string;
  readonly frame: string;
}

/**
 * Sends each notice at least once: if a process dies after it wrote to the store, another one sends
 * the notice. A notice reaches the people who are connected; the others ask the API.
 */
export class Notices {
  readonly #options: NoticesOptions;
  /** Events of a retried page whose notices are sent. */
  readonly #sent = new Set<number>();

  constructor(options: NoticesOptions) {
    this.#options = options;
  }

  /**
   * Sends the notices of events, in their order. Rejects with `HubError` `UNAVAILABLE`. If it is
   * called again with the same events, it continues where it failed.
   */
  async send(events: readonly NoticeEvent[]): Promise<void> {
    const { broker } = this.#options;
    for (const event of events) {
      if (this.#sent.has(event.seq)) continue;
      for (const { user, frame } of await this.#noticesOf(event)) await broker.emit(`u:${user}`, encode({ kind: 'frame', frame }));
      this.#sent.add(event.seq);
    }
    this.#sent.clear();
  }

  async #noticesOf(event: NoticeEvent): Promise<readonly Notice[]> {
    const { kind, room, users, payload } = event;
    switch (kind) {
      case 'room_opened':
        return this.#opened(room, users);
      case 'member_joined':
        return this.#memberChange(room, 'added', users);
      case 'member_left':
        return this.#memberChange(room, 'removed', users);
      case 'history_asked':
        // The first user asked; the second one gets the notice.
        return toAll(users.slice(1), buildFrame('command', { code: 'pair', body: { room, keepHistory: 'asked' } }));
      case 'room_changed':
        return payload.keepHistory ? this.#historyKept(room) : [];
      case 'conversation': {
        const { state, subject, customer, agent } = payload;
        // A conversation that was just opened, or is closed, changed no agent.
        if (state === 'closed' || users.length === 1) return [];
        const people = {
          customer: { ...customer, kind: 'customer' },
          ...(agent === undefined ? {} : { agent: { ...agent, kind: 'agent' } }),
        };
        return toAll(users, buildFrame('command', { code: 'conversation', body: { room, state, subject, ...people } }));
      }
      default:
        return kind satisfies never;
    }
  }

  /** The partners of a pair get each other's name; invited users get the group. */
  async #opened(room: string, users: readonly string[]): Promise<readonly Notice[]> {
    const found = await this.#options.rooms.withMembers(room);
    if (found === undefined) return [];
    const { kind, owner } = found.room;
    if (kind === 'group')
      return this.#memberChange(
        room,
        'added',
        users.filter((user) => user !== owner),
      );
    const [one, other] = found.members;
    if (kind !== 'pair' || one === undefined || other === undefined) return [];
    const [first, second] = await Promise.all([this.#withKind(one), this.#withKind(other)]);
    return [
      { user: one.id, frame: matchedWith(room, second) },
      { user: other.id, frame: matchedWith(room, first) },
    ];
  }

  /** `command {code:"room", body:{room,name,action}}`, for groups only. */
  async #memberChange(room: string, action: 'added' | 'removed', users: readonly string[]): Promise<readonly Notice[]> {
    const found = users.length === 0 ? undefined : await this.#options.rooms.withMembers(room);
    if (found?.room.kind !== 'group') return [];
    return toAll(users, buildFrame('command', { code: 'room', body: { room, name: found.room.title, action } }));
  }

  async #historyKept(room: string): Promise<readonly Notice[]> {
    const found = await this.#options.rooms.withMembers(room);
    if (found?.room.kind !== 'pair') return [];
    return toAll(
      found.members.map(({ id }) => id),
      buildFrame('command', { code: 'pair', body: { room, keepHistory: 'kept' } }),
    );
  }

  /**
   * The store may not know the kind of somebody who came a moment ago. The partner must see it all
   * the same.
   */
  async #withKind(person: Person): Promise<Person> {
    const kind = person.kind ?? (await this.#options.kinds.of(person.id));
    return kind === undefined ? person : { ...person, kind };
  }
}

function matchedWith(room: string, other: Person): string {
  return buildFrame('matched', { room, with: new JsonText(personJson(other)) });
}

function toAll(users: readonly string[], frame: string): Notice[] {
  return users.map((user) => ({ user, frame }));
}

/** Dependencies of `Notifier`. */
export interface NotifierOptions {
  readonly broker: Pick<Broker, 'emit'>;
  /** Resolves after a number of milliseconds. It must not keep a process alive. */
  readonly wait: (milliseconds: number) => Promise<void>;
  /** Called when the last attempt to send a signal fails. */
  readonly onLost?: (error: unknown) => void;
}

/** Attempts to send a signal while the backend is away, and the milliseconds between two. */
const ATTEMPTS = 20;
const RETRY_MS = 500;

/**
 * Sends signals about changes that are stored. It decides nothing and never rejects: a signal that
 * cannot be sent is retried for ten seconds. If it is lost, gateways learn the same from the log of
 * events within two seconds (R7).
 */
export class Notifier {
  readonly #options: NotifierOptions;

  constructor(options: NotifierOptions) {
    this.#options = options;
  }

  /**
   * The room is over: gateways report it to everybody in it, and remove them. For private rooms the
   * signal goes over the members' own channels (R5).
   */
  async closed(room: string, kind: ManagedRoomKind, members: readonly Person[], reason: EndReason): Promise<void> {
    const { isPrivate }: ManagedPolicy = ROOM_KINDS[kind];
    if (isPrivate !== true) await this.#send(`r:${room}`, { kind: 'closed', reason });
    else await Promise.all(members.map(({ id }) => this.#send(`u:${id}`, { kind: 'privateClosed', room, reason })));
  }

  /** The membership that gateways know for these users in the room is out of date. */
  async membership(room: string, users: readonly string[]): Promise<void> {
    await Promise.all(users.map((user) => this.#send(`u:${user}`, { kind: 'membership', room })));
  }

  #send(room: `r:${string}`, signal: RoomSignal<string>): Promise<void>;
  #send(user: `u:${string}`, signal: UserSignal<string>): Promise<void>;
  /** Waits for the first attempt. Retries run in the background. */
  async #send(topic: Topic, signal: RoomSignal<string> | UserSignal<string>): Promise<void> {
    const payload = encode(signal);
    try {
      await this.#options.broker.emit(topic, payload);
    } catch {
      this.#again(topic, payload).catch((error: unknown) => this.#options.onLost?.(error));
    }
  }

  async #again(topic: Topic, payload: string): Promise<void> {
    const { broker, wait, onLost } = this.#options;
    for (let attempt = 2; ; attempt++) {
      await wait(RETRY_MS);
      try {
        return await broker.emit(topic, payload);
      } catch (error) {
        if (attempt >= ATTEMPTS) return onLost?.(error);
      }
    }
  }
}
