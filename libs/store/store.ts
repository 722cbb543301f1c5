/**
 * The port to everything that must never be lost. Each aggregate has an interface in a file
 * `*-store.ts`; `store-postgres.ts` implements them all.
 *
 * Every method rejects with `HubError` `UNAVAILABLE` if the database does not answer within a few
 * seconds, and works again once the database is back. Times are Unix milliseconds unless a name
 * says otherwise. Room names, user ids and message ids are texts, as in the wire contract.
 */
import type { SettingWarning } from '#libs/protocol/setting-warnings.ts';
import type { AgentStore, CustomerStore, NameStore, SeenStore, UserStore } from './account-store.ts';
import type { AbsenceStore, ConversationStore, PairStore } from './conversation-store.ts';
import type { EventStore, RevocationStore } from './event-store.ts';
import type { AnswerStore, CodeStore, LoginStore } from './login-store.ts';
import type { CursorStore, MessageStore } from './message-store.ts';
import type { RoomStore } from './room-store.ts';

/** The ports of the store, and its life. */
export interface Store {
  readonly users: UserStore;
  readonly agents: AgentStore;
  readonly names: NameStore;
  readonly customers: CustomerStore;
  readonly answers: AnswerStore;
  readonly logins: LoginStore;
  readonly codes: CodeStore;
  readonly rooms: RoomStore;
  readonly pairs: PairStore;
  readonly conversations: ConversationStore;
  readonly absences: AbsenceStore;
  readonly messages: MessageStore;
  readonly cursors: CursorStore;
  readonly revocations: RevocationStore;
  readonly events: EventStore;
  readonly seen: SeenStore;
  readonly upkeep: UpkeepStore;
  /** Resolves when the database answers a trivial query. */
  ping(): Promise<void>;
  /**
   * Resolves if the database has the schema of this version, or a later one. Otherwise it rejects
   * with an error whose message says what to do.
   */
  checkSchema(): Promise<void>;
  /** Resolves with what in the set-up of the database breaks the promise of `ack` (M1). */
  durabilityFaults(): Promise<readonly SettingWarning[]>;
  /** Writes the waiting groups, and closes the connections. */
  close(): Promise<void>;
}

/** A room that was dropped, and the ids of its members. */
export interface DroppedRoom {
  readonly room: string;
  readonly members: readonly string[];
}

/**
 * For the clean-up jobs. Each `drop` method returns the number of deleted rows, or the dropped
 * rooms.
 */
export interface UpkeepStore {
  /** Makes the partitions of messages for this month and the next two. */
  ensurePartitions(now: number): Promise<void>;
  /**
   * Drops whole months older than `days`, and deletes older rows of the others. 0 days: drops
   * nothing. For a dropped month the result has PostgreSQL's estimate of its rows. If a reader
   * holds up the drop of a month for too long, this month and younger ones are left to the next
   * call.
   */
  dropHistory(days: number, now: number): Promise<number>;
  /**
   * Deletes keys of messages after an hour, room changes after an hour, events after seven days,
   * guests who were away for 30 days, absences that nobody looks for, and expired codes, tries,
   * answers, tickets, login families and revocations.
   */
  dropExpired(now: number): Promise<number>;
  /** Drops managed rooms that were closed over 30 days ago, with members, cursors and messages. */
  dropClosedRooms(now: number): Promise<number>;
  /**
   * Drops direct rooms that are empty after `dropHistory(days)` and had no message for `days`, at
   * least 30 days. Deletes their members and cursors, and resolves with the former members. At most
   * 1,000 at a call; none if `days` is 0. The top offset is kept: a room that is made again
   * continues above it (M3).
   */
  dropSilentRooms(days: number, now: number): Promise<readonly DroppedRoom[]>;
}
