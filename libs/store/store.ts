/**
 * The port to what must never be lost. One interface for each aggregate, in the files named `*-store.ts`; `store-postgres.ts` implements
 * them all.
 *
 * Every method rejects with `HubError` `UNAVAILABLE` when the database cannot be reached within a few seconds, and works again by itself when it is
 * back. Times are Unix milliseconds unless a name says otherwise. Room names, user ids and message ids are texts as the wire contract has them.
 */
import type { AgentStore, CustomerStore, NameStore, SeenStore, UserStore } from './account-store.ts';
import type { AbsenceStore, ConversationStore, PairStore } from './conversation-store.ts';
import type { EventStore, RevocationStore } from './event-store.ts';
import type { AnswerStore, CodeStore, LoginStore } from './login-store.ts';
import type { CursorStore, MessageStore } from './message-store.ts';
import type { RoomStore } from './room-store.ts';

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
  /** Resolves when a trivial query is answered. */
  ping(): Promise<void>;
  /** Flushes what is grouped and closes the connections. */
  close(): Promise<void>;
}

/** A room that is no longer there, and the ids of those who were in it. */
export interface DroppedRoom {
  readonly room: string;
  readonly members: readonly string[];
}

/** For the clean-up jobs. Each returns how much it removed. */
export interface UpkeepStore {
  /** Makes the partitions of messages for this month and the next two. */
  ensurePartitions(now: number): Promise<void>;
  /**
   * Drops whole months older than `days`, and deletes the rest. 0: nothing. A dropped month counts about as many messages as were in it. Where somebody reads
   * messages for so long that dropping a month would hold up who writes, it and what is younger is left to the next call.
   */
  dropHistory(days: number, now: number): Promise<number>;
  /** Keys of messages stored over an hour ago, events older than seven days, codes, tickets, families and revocations that are over, absences nobody looks for any more, guests who were not here for 30 days. */
  dropExpired(now: number): Promise<number>;
  /** Made rooms closed for over 30 days, with members and cursors. */
  dropClosedRooms(now: number): Promise<number>;
  /**
   * Direct rooms of which `dropHistory(days)` left nothing, and in which nothing was said for 30 days: with members and cursors, and resolves with whose they were; at
   * most 1,000 at a call. 0 days: none. How far offsets came is kept: a room that is made again goes on above (M3).
   */
  dropSilentRooms(days: number, now: number): Promise<readonly DroppedRoom[]>;
}
