/** The port to whom people talk with: pairs, and conversations of customers and agents. */
import type { Person } from '#libs/protocol/frame-types.ts';
import type { ListPage } from './list-page.ts';

/** Pairing (A9): at most one open pair for each user, held by the database. */
export interface PairStore {
  /** The user's open pair. */
  of(user: string): Promise<OpenPair | undefined>;
  /**
   * In one transaction: the user's open pair where there is one; otherwise pairs with the first of `candidates` (in the order given) that has none; otherwise puts
   * the user into the queue. History is kept where both asked for it; a candidate who did not ask did not want it.
   */
  match(request: MatchRequest): Promise<MatchResult>;
  /** Who waits, the longest first, at most `limit`. */
  waiting(limit: number): Promise<{ readonly user: Person; readonly keepHistory: boolean; readonly since: number }[]>;
  /** The user wants history in the open pair. `asked`: since this call; `kept`: both do since this call, and from `now` on it is. Undefined: nothing is new. */
  wantHistory(user: string, now: number): Promise<'kept' | 'asked' | undefined>;
  /** Takes the user out of the queue; with `askedBefore` only who asked last before that time. Of a pair nothing changes. */
  stopWaiting(user: string, askedBefore?: number): Promise<void>;
}

export interface MatchRequest {
  readonly user: Person;
  readonly keepHistory: boolean;
  /** The user asked before: nothing is done where they do not wait any more. Default false. */
  readonly again?: boolean;
  /**
   * Who may be taken: online, not the user. Those of them who wait go before those who do not. Whoever asked within the last ten seconds is taken also
   * where they are not in it: two who ask at the same moment find each other.
   */
  readonly candidates: readonly Person[];
  /** The name the room gets if one is made. */
  readonly room: string;
  readonly now: number;
  readonly expiresAt: number;
}

export type MatchResult =
  | (OpenPair & { readonly state: 'paired'; readonly made: false })
  | (OpenPair & { readonly state: 'paired'; readonly made: true })
  | { readonly state: 'waiting' };

export interface OpenPair {
  readonly room: string;
  readonly with: Person;
  readonly expiresAt: number;
}

export const ConversationState = { queued: 'queued', assigned: 'assigned', closed: 'closed' } as const;
export type ConversationState = (typeof ConversationState)[keyof typeof ConversationState];

export interface ConversationRecord {
  readonly room: string;
  readonly subject: string;
  readonly state: ConversationState;
  readonly customer: Person;
  readonly agent: Person | undefined;
  readonly createdAt: number;
}

export interface NewConversation {
  readonly room: string;
  readonly subject: string;
  readonly customer: Person;
  readonly now: number;
  /** One more, beside those that are open. */
  readonly further: boolean;
  /** Open ones that a customer may have. */
  readonly most: number;
}

export interface ConversationFilter {
  readonly state?: ConversationState | undefined;
  readonly agent?: string | undefined;
  /** Of the same filter. */
  readonly after?: ConversationPlace | undefined;
  readonly limit: number;
}

/** A place in a list of conversations: `seq` tells those of one millisecond apart. */
export interface ConversationPlace {
  readonly createdAt: number;
  readonly seq: number;
}

/** Customers and agents (A10). The room itself is a `RoomRecord` of kind `conv`. */
export interface ConversationStore {
  /**
   * Makes the room and the conversation, queued: `made`. Where there is such a room, that conversation, in whatever state it is. Where the customer has an open one and no further one is asked for, the newest of those; `too-many` where
   * they have `most` of them. Of several calls at once each sees what the one before made.
   */
  open(conversation: NewConversation): Promise<'made' | 'too-many' | ConversationRecord>;
  get(room: string): Promise<ConversationRecord | undefined>;
  /** At most `limit`. Queued ones: the one that waits the longest first; otherwise the newest first. */
  list(filter: ConversationFilter): Promise<ListPage<ConversationRecord, ConversationPlace>>;
  /**
   * Gives the conversation to one of `agents` (online ones): the one with the fewest open conversations. The agent before is taken out of the room's members.
   * In one transaction. The new agent starts with everything undelivered, what the customer wrote before included. `from`: only where the conversation is
   * still in this state, otherwise undefined.
   */
  assign(room: string, agents: readonly Person[], from?: ConversationState): Promise<ConversationRecord | undefined>;
  /**
   * Takes an open conversation from an agent: gives it to one of `agents` as `assign` does, or puts it back into the queue, in its old place, where there are
   * none. Undefined if that agent has not got it any more.
   */
  handOn(room: string, from: string, agents: readonly Person[]): Promise<ConversationRecord | undefined>;
  /** Queued ones, the oldest first. */
  queued(limit: number): Promise<ConversationRecord[]>;
  /** Who has open conversations. */
  agentsAtWork(): Promise<Person[]>;
  /** Rooms of conversations that are not closed, and in which nothing was said since a moment: at most `limit`, those opened first. */
  silent(since: number, limit: number): Promise<string[]>;
}

/** Since when those are away whom the sweeps look for: one memory of all processes. */
export interface AbsenceStore {
  /**
   * Keeps what one look saw: who is here, and who is away. Of those away since when, without a break: they were away at every look since, the looks were close
   * to each other, and no gateway saw them come or go.
   */
  look(here: readonly string[], away: readonly string[], now: number): Promise<ReadonlyMap<string, number>>;
}
