/** The port to pairs, and to conversations between customers and agents. */
import type { Person } from '#libs/protocol/frame-types.ts';
import type { ListPage } from './list-page.ts';

/** Pairing (A9). The database lets each user have one open pair at most. */
export interface PairStore {
  /** The user's open pair. */
  of(user: string): Promise<OpenPair | undefined>;
  /**
   * In one transaction: returns the user's open pair, if there is one. Otherwise pairs the user
   * with somebody who waits, the longest first, or else with the first of `candidates` who has no
   * pair. Otherwise puts the user into the queue. History is kept if both asked for it; a candidate
   * who did not ask counts as not wanting it.
   *
   * Within 24 hours after a pair ended, its two users are not paired again if it was the last pair
   * of either.
   */
  match(request: MatchRequest): Promise<MatchResult>;
  /** The users who wait, the longest first, at most `limit`. */
  waiting(limit: number): Promise<{ readonly user: Person; readonly keepHistory: boolean; readonly since: number }[]>;
  /**
   * Records that the user wants history in the open pair. `asked`: this call is the first wish.
   * `kept`: by this call both want it, and history is kept from `now` on. Undefined: nothing
   * changed.
   */
  wantHistory(user: string, now: number): Promise<'kept' | 'asked' | undefined>;
  /**
   * Takes the user out of the queue. With `askedBefore`: only if the user asked last before that
   * time. Does not touch a pair.
   */
  stopWaiting(user: string, askedBefore?: number): Promise<void>;
  /** Whether the user may be paired without waiting. */
  isFindable(user: string): Promise<boolean>;
  /** Records whether the user may be paired without waiting. It holds until it is set again. */
  setFindable(user: string, findable: boolean): Promise<void>;
  /** Some of the users who may be found, online or not, in another order at each call. */
  someFindable(limit: number): Promise<string[]>;
}

/** A request for a pair. */
export interface MatchRequest {
  readonly user: Person;
  readonly keepHistory: boolean;
  /** Does nothing if the user does not wait any more. Default false. */
  readonly onlyIfWaiting?: boolean;
  /**
   * Users online who may be paired, without the asking user. Those who wait come before the others.
   * A user who asked within the last ten seconds is taken even if not listed here, so that two who
   * ask at the same moment find each other.
   */
  readonly candidates: readonly Person[];
  /** The name of the room, if one is made. */
  readonly room: string;
  readonly now: number;
  readonly expiresAt: number;
}

/** The pair of a user, made by this call or before; or the user waits. */
export type MatchResult =
  | (OpenPair & { readonly state: 'paired'; readonly made: false })
  | (OpenPair & { readonly state: 'paired'; readonly made: true })
  | { readonly state: 'waiting' };

/** An open pair, as one of the two sees it. */
export interface OpenPair {
  readonly room: string;
  readonly with: Person;
  readonly expiresAt: number;
}

/** The states of a conversation: it waits for an agent, has one, or is over. */
export const ConversationState = { queued: 'queued', assigned: 'assigned', closed: 'closed' } as const;
export type ConversationState = (typeof ConversationState)[keyof typeof ConversationState];

/** A conversation of a customer. */
export interface ConversationRecord {
  readonly room: string;
  readonly subject: string;
  readonly state: ConversationState;
  readonly customer: Person;
  readonly agent: Person | undefined;
  readonly createdAt: number;
  /** Undefined while it is open. */
  readonly endedAt?: number | undefined;
}

/** A conversation to be opened. */
export interface NewConversation {
  readonly room: string;
  readonly subject: string;
  readonly customer: Person;
  readonly now: number;
  /** Makes one more, even if the customer has open conversations. */
  readonly further: boolean;
  /** Most open conversations of a customer. */
  readonly openMax: number;
}

/** Open conversations by state. Each number is at most 1,000. */
export interface ConversationCounts {
  readonly queued: number;
  readonly assigned: number;
}

/** Selects a page of conversations. An absent member matches all. */
export interface ConversationFilter {
  readonly state?: ConversationState | undefined;
  readonly agent?: string | undefined;
  readonly customer?: string | undefined;
  /** A place in the list of the same filter. */
  readonly after?: ConversationPlace | undefined;
  readonly limit: number;
}

/** A place in a list of conversations. `seq` orders conversations of the same millisecond. */
export interface ConversationPlace {
  readonly createdAt: number;
  readonly seq: number;
}

/**
 * Conversations of customers with agents (A10). The room itself is a `RoomRecord` of kind `conv`.
 */
export interface ConversationStore {
  /**
   * Makes the room and the queued conversation, and returns `made`. If there is a room of this
   * name, returns its conversation, whatever its state. If the customer has an open conversation
   * and asks for no further one, returns the newest of them. Returns `too-many` if they have
   * `openMax` of them. Concurrent calls of a customer run one after the other.
   */
  open(conversation: NewConversation): Promise<'made' | 'too-many' | ConversationRecord>;
  get(room: string): Promise<ConversationRecord | undefined>;
  /**
   * Whether an agent has an open conversation with the customer of this ended one (A10). False if
   * the room is no ended conversation.
   */
  hasCustomerOf(room: string, agent: string): Promise<boolean>;
  /** At most `limit`. Queued conversations: the oldest first; otherwise the newest first. */
  list(filter: ConversationFilter): Promise<ListPage<ConversationRecord, ConversationPlace>>;
  /**
   * Assigns the conversation to one of `agents`, who are online: to the one with the fewest open
   * conversations. Takes the agent before out of the room's members, in the same transaction. The
   * new agent has no cursor: all messages so far are undelivered, also the customer's earlier ones.
   * With `from`: does nothing and returns undefined if the conversation is not in this state.
   */
  assign(room: string, agents: readonly Person[], from?: ConversationState): Promise<ConversationRecord | undefined>;
  /**
   * Takes an open conversation from an agent. Assigns it to one of `agents` as `assign` does. If
   * there are none, puts it back to its old place in the queue. Undefined if that agent does not
   * have it any more.
   */
  reassign(room: string, from: string, agents: readonly Person[]): Promise<ConversationRecord | undefined>;
  /** Queued conversations, the oldest first. */
  queued(limit: number): Promise<ConversationRecord[]>;
  /** How many conversations wait, and how many have an agent. Each is counted up to 1,000. */
  counts(): Promise<ConversationCounts>;
  /** Agents with open conversations. */
  agentsAtWork(): Promise<Person[]>;
  /**
   * Rooms of open conversations without a message since a moment, the oldest conversation first. At
   * most `limit`.
   */
  silent(since: number, limit: number): Promise<string[]>;
}

/** Since when people are away, if the sweeps look for them. All processes share this memory. */
export interface AbsenceStore {
  /**
   * Records one look: `here` are online, `away` are not. Returns for each of `away` since when,
   * without a break: they were away at every look since, the looks were close to each other, and no
   * gateway saw them come or go.
   */
  look(here: readonly string[], away: readonly string[], now: number): Promise<ReadonlyMap<string, number>>;
}
