/**
 * Events for other parts: notices to people, gateways, and later webhooks, audit and moderation.
 *
 * A *stored* event is written in the transaction of the change that it reports. A change that is
 * rolled back has no event, and every committed change has one. Readers get each event at least
 * once, those of one room in the order in which the room's changes took effect, also if a
 * transaction commits long after others. Events are kept for seven days.
 *
 * The row of a message is its own event. Messages of a room come in the order of their offsets. If
 * offsets jump because a gateway died before it stored a message, the room's later messages wait
 * until the stream sweep stores it (M1), an hour at most.
 *
 * Worked example. A reader at position P sees `member_joined` of `group:a`. Another transaction,
 * older than P, removes a member of `group:b` and commits only now: the next read gives its
 * `member_left`. Two changes of `group:a` wait for each other, so the later one never comes first.
 *
 * An *observed* event is seen of presence (`ObservedFeed`): at least once, the events of a user or
 * room in turns. Nothing keeps it. If presence was lost, the difference is reported afterwards.
 */
import type { Subject } from '#libs/presence/presence-edges.ts';
import type { Person } from '#libs/protocol/frame-types.ts';
import type { EventRow } from '#libs/store/event-store.ts';

/** The payload of each kind of stored event, beside `room` and `users`. */
interface Payloads {
  /**
   * A message of a room that keeps history was stored; `users`: who sent it. `MessageStore.after`
   * has its text. A member may be gone before the event of the last message comes.
   */
  readonly message: { readonly offset: number; readonly epoch: string; readonly id: string };
  /** A managed room was made; `users`: its first members. */
  readonly room_opened: Record<never, never>;
  /** `users` came into a room that others are members of. */
  readonly member_joined: Record<never, never>;
  /** `users` are members no more. */
  readonly member_left: Record<never, never>;
  /** A room keeps history from now on, or does not any more. */
  readonly room_changed: { readonly keepHistory: boolean };
  /**
   * A room has ended. `users`: the members of a private room, because they get the end over their
   * own channels; nobody of a group.
   */
  readonly room_closed: { readonly reason: 'expired' | 'closed' };
  /** The first of `users` wants history in their pair; the second one does not yet. */
  readonly history_asked: Record<never, never>;
  /**
   * A conversation was opened, changed hands or ended. `users`: the customer, the agent, and the
   * agent before.
   */
  readonly conversation: {
    readonly state: 'queued' | 'assigned' | 'closed';
    readonly subject: string;
    readonly customer: Person;
    readonly agent?: Person;
  };
  /** The one of `users` logged in. `login` is the id of the login, `kind` what the user is (R6). */
  readonly login_opened: { readonly login: string; readonly kind: string };
  /** A login has ended: it was revoked, or it expired. */
  readonly login_ended: { readonly login: string; readonly kind: string; readonly reason: 'revoked' | 'expired' };
  /**
   * A revocation, a ban, the end of a ban, or a disconnect, as in the log of revocations. `users`:
   * the user, if it names one.
   */
  readonly revocation: {
    readonly what: 'login' | 'token' | 'user' | 'ban' | 'unban' | 'disconnect';
    readonly subject: string;
    readonly reason: string;
    /** Unix milliseconds. */
    readonly at: number;
    /** Unix milliseconds. The revocation has no effect afterwards. */
    readonly until: number;
  };
}

export type StoredKind = keyof Payloads;

/** Kinds of events that are about people and not about a room. */
type PeopleKind = 'login_opened' | 'login_ended' | 'revocation';

/**
 * A stored event. `seq` is higher for the later one of two events of a room, and of a message its
 * offset; `at` is Unix milliseconds by the database's clock.
 */
export type StoredEvent = {
  readonly [K in StoredKind]: {
    readonly kind: K;
    readonly seq: number;
    readonly room: K extends PeopleKind ? undefined : string;
    readonly users: readonly string[];
    readonly at: number;
    readonly payload: Payloads[K];
  };
}[StoredKind];

/** The stored events of some kinds. */
export type StoredEventOf<K extends StoredKind> = Extract<StoredEvent, { readonly kind: K }>;

/** Events that change who may be in a room, or what it keeps (R7). */
export const ACCESS_EVENTS = ['member_joined', 'member_left', 'room_changed', 'room_closed'] as const;
export type AccessEvent = StoredEventOf<(typeof ACCESS_EVENTS)[number]>;

const KINDS: Readonly<Record<StoredKind, true>> = {
  message: true,
  room_opened: true,
  member_joined: true,
  member_left: true,
  room_changed: true,
  room_closed: true,
  history_asked: true,
  conversation: true,
  login_opened: true,
  login_ended: true,
  revocation: true,
};

/**
 * A row of the log as its event. Throws `TypeError` for a kind that this version does not know: a
 * reader asks for the kinds it knows.
 */
export function storedEvent(row: EventRow): StoredEvent {
  if (!Object.hasOwn(KINDS, row.kind)) throw new TypeError(`no kind of event: ${row.kind}`);
  // The triggers of the database write payloads; the integration test holds each against this type.
  return row as StoredEvent;
}

/**
 * An event of presence. It has the members of a stored event without a payload; `at` is by the
 * clock of the backend of presence.
 */
export type ObservedEvent =
  | {
      /** The one of `users` has a connection now, or has none any more. */
      readonly kind: 'online' | 'offline';
      readonly room: undefined;
      readonly users: readonly [string];
      readonly at: number;
    }
  | {
      /** Somebody is in the room now, or nobody any more. */
      readonly kind: 'occupied' | 'vacated';
      readonly room: string;
      readonly users: readonly [];
      readonly at: number;
    };

/** The event of a subject that came or went. */
export function observedEvent(subject: Subject, isPresent: boolean, at: number): ObservedEvent {
  const name = subject.slice(2);
  return subject.startsWith('u:')
    ? { kind: isPresent ? 'online' : 'offline', room: undefined, users: [name], at }
    : { kind: isPresent ? 'occupied' : 'vacated', room: name, users: [], at };
}
