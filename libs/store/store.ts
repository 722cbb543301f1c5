/**
 * The port to what must never be lost. One interface for each aggregate; `store-postgres.ts` implements them all.
 *
 * Every method rejects with `HubError` `UNAVAILABLE` when the database cannot be reached within a few seconds, and works again by itself when it is
 * back. Times are Unix milliseconds unless a name says otherwise. Room names, user ids and message ids are texts as the wire contract has them.
 */
import type { ManagedRoomKind } from '#libs/protocol/room-kinds.ts';

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
  readonly sanctions: SanctionStore;
  readonly roomChanges: RoomChangeStore;
  readonly seen: SeenStore;
  readonly upkeep: UpkeepStore;
  /** Resolves when a trivial query is answered. */
  ping(): Promise<void>;
  /** Flushes what is grouped and closes the connections. */
  close(): Promise<void>;
}

export interface UserRecord {
  /** A UUID. */
  readonly id: string;
  readonly name: string;
  readonly mail: string;
}

export interface UserStore {
  /** Names are unique by `nameKey`, agents' among them; mail addresses without regard to case. `name-taken` also in a race; `mail-taken` where the address was registered meanwhile. */
  create(user: UserRecord): Promise<'created' | 'name-taken' | 'mail-taken'>;
  byMail(mail: string): Promise<UserRecord | undefined>;
  byName(name: string): Promise<UserRecord | undefined>;
  byId(id: string): Promise<UserRecord | undefined>;
  /** In one statement, in no order; ids that nobody has are absent. */
  byIds(ids: readonly string[]): Promise<readonly UserRecord[]>;
}

export interface AgentRecord {
  readonly id: string;
  readonly name: string;
  /** argon2id, in PHC form. */
  readonly passwordHash: string;
}

export interface AgentStore {
  create(agent: AgentRecord): Promise<'created' | 'name-taken'>;
  byName(name: string): Promise<AgentRecord | undefined>;
  /** Every agent: those made here, and whoever came with an agent's token of another issuer (`seen` of kind `agent`). Each id once. */
  all(): Promise<RoomMember[]>;
}

/** Names of accounts and agents: each belongs to one. */
export interface NameStore {
  /** Whether an account or an agent has the name, in whatever spelling (`nameKey`). */
  isTaken(name: string): Promise<boolean>;
  /** The names that nobody else's may look like: of agents, and of services and moderators who came with a token. */
  guarded(): Promise<readonly string[]>;
  /** Enters the names that programs of earlier versions gave since the migration. May be repeated; one statement where there are none. */
  enterMissing(): Promise<void>;
}

export interface CustomerRecord {
  readonly id: string;
  readonly name: string;
  readonly channel: string;
  readonly metadata?: Readonly<Record<string, unknown>> | undefined;
}

export interface CustomerStore {
  /** The same id once more changes nothing. */
  create(customer: CustomerRecord): Promise<void>;
  byId(id: string): Promise<CustomerRecord | undefined>;
}

/** A request with an idempotency key, about to be answered. */
export interface Claim {
  /** A keyed hash of who asks, of the route and the key. */
  readonly scope: string;
  /** A keyed hash of what is asked. */
  readonly requestHash: string;
  /** Of this claim. */
  readonly id: string;
  readonly now: number;
  readonly expiresAt: number;
}

/** What a request with this key was answered; `answer` undefined: it is under way. */
export interface KeptAnswer {
  readonly requestHash: string;
  readonly answer: string | undefined;
}

/** Answers to requests with an idempotency key (A15). */
export interface AnswerStore {
  /**
   * `expiresAt`: nobody else answers it; the claim is to be renewed, and ended by `keep`, `release` or `drop`. Of several at once one gets it. A claim that was not
   * renewed for 30 s, by the store's clock, and has no answer is its process's that died: the same request gets it, and one that was released, with the `expiresAt` of the first. Undefined: it was dropped at this moment.
   */
  claim(claim: Claim): Promise<Pick<Claim, 'expiresAt'> | KeptAnswer | undefined>;
  keep(claim: Pick<Claim, 'scope' | 'id'>, answer: string): Promise<void>;
  /** The request is under way still. Changes nothing where the claim is ended, or another process's. */
  renew(claim: Pick<Claim, 'scope' | 'id'>): Promise<void>;
  /** The key is free; what may have been made is found by the same request. */
  release(claim: Pick<Claim, 'scope' | 'id'>): Promise<void>;
  /** Nothing was made: the key is as if it had never come. */
  drop(claim: Pick<Claim, 'scope' | 'id'>): Promise<void>;
}

/** A refresh-token family: one login. Its id is the `login` claim of the tokens made from it. */
export interface FamilyRecord {
  /** A UUID. */
  readonly id: string;
  readonly userId: string;
  readonly name: string;
  readonly kind: string;
  readonly expiresAt: number;
}

/** A refresh secret before the present one that is still answered. */
export interface EarlierSecret {
  readonly hash: string;
  readonly generation: number;
  /** Until when; null: for as long as the present one is not used. */
  readonly until: number | null;
}

/** The refresh secrets of a login. Generations count up from 0; a login has one present secret. */
export interface LoginSecrets {
  /** The family's. */
  readonly id: string;
  readonly generation: number;
  /** Of the present secret. */
  readonly hash: string;
  /** The newest first. */
  readonly earlier: readonly EarlierSecret[];
}

/** A login that goes on. */
export interface LivingLogin {
  readonly family: FamilyRecord;
  readonly secrets: LoginSecrets;
}

/** A code that is mailed. Nothing here is the code, the attempt or an address itself. */
export interface NewCode {
  /** The hash of the attempt: what the browser that asked is given. */
  readonly attempt: string;
  /** The account, one for all its spellings. */
  readonly account: string;
  /** A keyed hash of who asks: a browser the account knows, or an address. */
  readonly asker: string;
  readonly hash: string;
  readonly expiresAt: number;
}

/** A code that somebody types. */
export interface CodeTry {
  readonly account: string;
  readonly attempt: string | undefined;
  /** Where no living code of the account is this attempt's: whether the newest one that one of `askers` asked for is meant. */
  readonly orNewest: boolean;
  readonly askers: readonly string[];
  readonly hash: string;
  /** The id of a browser that the account knows. */
  readonly device: string | undefined;
  readonly now: number;
}

/**
 * Login codes, and who may still try. Wrong tries are counted for the account, over all its codes: 20 in 10 minutes. Then only a browser that the account knows
 * goes on, with 10 of its own in 10 minutes. All nodes count together.
 */
export interface CodeStore {
  /** Keeps a code. Of one account and asker the newest five live side by side. */
  put(code: NewCode): Promise<void>;
  /**
   * Uses up a code, atomically: `ok` at most once for each code, however many try at once. `wrong` also where there is none, or it is expired or burnt: that counts
   * nowhere. A number: nothing was looked at, for the tries are used up for so many milliseconds. A code is burnt by five wrong tries that name its attempt for
   * those that do, and by five that do not for those that do not.
   */
  redeem(tried: CodeTry): Promise<'ok' | 'wrong' | number>;
  /** Counts a try whose outcome is not known yet, of anything else that people log in with; a number: the tries are used up for so many milliseconds. */
  beginTry(account: string, device: string | undefined, now: number): Promise<{ readonly payer: string } | number>;
  /** It was a right one: it is not counted. */
  forgiveTry(begun: { readonly payer: string }): Promise<void>;
}

export interface LoginStore {
  /** A registration ticket for a verified address. */
  putTicket(hash: string, mail: string, expiresAt: number): Promise<void>;
  /** The address of a ticket that is still good; not used up. */
  ticket(hash: string, now: number): Promise<string | undefined>;
  /** Uses up a ticket. False where it is not good any more. */
  dropTicket(hash: string): Promise<boolean>;
  /** Begins a login: its present secret is that of generation 0. */
  openFamily(family: FamilyRecord, secretHash: string): Promise<void>;
  /** Whether there was such a login here, living or not; one that expired may be forgotten. */
  knowsLogin(familyId: string): Promise<boolean>;
  /** Undefined where there is none, or it is expired or revoked. */
  livingLogin(familyId: string, now: number): Promise<LivingLogin | undefined>;
  /**
   * Puts `after` in place of `before`, the secrets as they were read. False where the login is not living any more, or somebody else changed them meanwhile: of
   * several at once, on any nodes, one succeeds.
   */
  replaceSecrets(before: LoginSecrets, after: Omit<LoginSecrets, 'id'>, now: number): Promise<boolean>;
  /** Ends the family, whether it was before or not. The kind of person it was for; undefined where there is none. */
  revokeFamily(familyId: string): Promise<string | undefined>;
  revokeFamiliesOf(userId: string): Promise<void>;
}

export interface RoomMember {
  readonly id: string;
  readonly name: string;
  /**
   * As the store gives it: that of their last token, else of a login of theirs, else what the hub knows them as; undefined where nobody knows. It is not
   * kept with the room.
   */
  readonly kind?: string;
}

export interface RoomRecord {
  /** The whole name on the wire: `group:...`, `pair:...`, `conv:...`, `dm:...`. */
  readonly room: string;
  readonly kind: ManagedRoomKind;
  /** What people call it; empty for rooms without a title. */
  readonly title: string;
  /** The user who made it; empty where nobody in particular did. */
  readonly owner: string;
  readonly keepHistory: boolean;
  /** Since when: what was said before is never stored. Undefined where no history is kept, or nobody knows since when. */
  readonly historyFrom: number | undefined;
  readonly createdAt: number;
  /** Undefined: never ends by itself. */
  readonly expiresAt: number | undefined;
  /** Undefined while it is open. */
  readonly closedAt: number | undefined;
  readonly closedReason: 'expired' | 'closed' | undefined;
}

/** How one user stands in a room. */
export interface RoomStanding {
  readonly room: RoomRecord;
  readonly isMember: boolean;
  /** The ids of all members of a private room (R5), in the order in which they came. Empty for groups. */
  readonly privateMembers: readonly string[];
}

/** A room that is to be made: open, and where it keeps history, from its first moment on. */
export type NewRoom = Omit<RoomRecord, 'historyFrom' | 'closedAt' | 'closedReason'>;

/** An open room that ends by itself. */
export interface RoomEnd {
  readonly room: string;
  readonly expiresAt: number;
}

export interface RoomSummary extends RoomRecord {
  /** Highest stored offset; 0 where nothing is stored. */
  readonly top: number;
  /** Stored messages above the asking user's cursor, counted up to 1,000; 0 in rooms that keep no history. */
  readonly unread: number;
  /** Of a pair that keeps no history yet: which of the two asked for it. */
  readonly historyWish: 'mine' | 'theirs' | undefined;
}

/** A part of a list that is read page by page. */
export interface ListPage<Item, Place> {
  readonly items: readonly Item[];
  /** Where the next page begins: the place of the last item. Undefined: the list ends here. */
  readonly next: Place | undefined;
}

/** A place in the list of a user's rooms. `at`: the newest activity in the room as it was when the first page was read, whose newest is `asOf`. */
export interface RoomPlace {
  readonly asOf: number;
  readonly at: number;
  readonly room: string;
}

export interface RoomStore {
  /** Creates the room with its members. `exists` where the name is taken: nothing is changed then (dm rooms race). */
  create(room: NewRoom, members: readonly RoomMember[]): Promise<'created' | 'exists'>;
  /** As `create`, a group; whether the name is taken is looked at first. `too-many` where its owner has `ownedMax` open groups already, whoever else makes one at the same moment. */
  createGroup(room: NewRoom, members: readonly RoomMember[], ownedMax: number): Promise<'created' | 'exists' | 'too-many'>;
  get(room: string): Promise<RoomRecord | undefined>;
  members(room: string): Promise<RoomMember[]>;
  /** The members of many rooms in one query; a room without any is not in it. */
  membersOf(rooms: readonly string[]): Promise<ReadonlyMap<string, readonly RoomMember[]>>;
  /**
   * How a user stands in a room; undefined where there is no such room. Without a user: the room alone. Reads one row of a group's members, however many
   * there are. Calls of the same moment go out together, on connections that no reader of history can take.
   */
  standing(room: string, user?: string): Promise<RoomStanding | undefined>;
  /** As `standing`, for who follows what becomes of rooms: no other question makes it wait, and it rejects after 1.25 s (R7). */
  recheck(room: string, user: string): Promise<RoomStanding | undefined>;
  /** The record and all members in one query: for who lists or tells them. Whether one user is a member is asked by `standing`. */
  withMembers(room: string): Promise<{ readonly room: RoomRecord; readonly members: readonly RoomMember[] } | undefined>;
  /** How one of a user's rooms stands, as in `of`; undefined where it is not open, or not theirs. */
  summary(user: string, room: string): Promise<RoomSummary | undefined>;
  /**
   * The open rooms of a user, newest activity first, at most `limit`. Later pages keep the order of the first one: a room in which something is said meanwhile
   * is neither missed nor given twice, unless that message was on its way to the database as the first page was read (A16).
   */
  of(user: string, page: { readonly after?: RoomPlace | undefined; readonly limit: number }): Promise<ListPage<RoomSummary, RoomPlace>>;
  /** Changes an open room; `null` takes the end away; history that is switched on is kept from `now` on. Undefined where there is none, or it is closed. */
  update(
    room: string,
    change: { readonly title?: string; readonly keepHistory?: boolean; readonly expiresAt?: number | null },
    now: number,
  ): Promise<RoomRecord | undefined>;
  /**
   * New members start with everything stored so far counted as delivered. All of them or nobody: `too-many` if the room had more than `membersMax` then,
   * however many add at once; `closed` also where there is no such room.
   */
  addMembers(room: string, members: readonly RoomMember[], membersMax: number): Promise<'added' | 'too-many' | 'closed'>;
  /** Resolves with those who were members. */
  removeMembers(room: string, users: readonly string[]): Promise<readonly string[]>;
  /** Closes once: true for the caller that did it. Frees a pair: its members may be paired again. */
  close(room: string, reason: 'expired' | 'closed', now: number): Promise<boolean>;
  /** Open rooms whose time is over, at most `limit`. */
  overdue(now: number, limit: number): Promise<string[]>;
  /** Open rooms that end by themselves `until` a time: those behind `after` in the order of their ends, then of their names, at most `limit`. */
  expiring(after: RoomEnd, until: number, limit: number): Promise<RoomEnd[]>;
}

/** Pairing (A9): at most one open pair for each user, held by the database. */
export interface PairStore {
  /** The user's open pair. */
  of(user: string): Promise<OpenPair | undefined>;
  /**
   * In one transaction: the user's open pair where there is one; else pairs with the first of `candidates` (in the order given) that has none; else puts
   * the user into the queue. History is kept where both asked for it; a candidate who did not ask did not want it.
   */
  match(request: MatchRequest): Promise<MatchResult>;
  /** Who waits, the longest first, at most `limit`. */
  waiting(limit: number): Promise<{ readonly user: RoomMember; readonly keepHistory: boolean; readonly since: number }[]>;
  /** The user wants history in the open pair. `asked`: since this call; `kept`: both do since this call, and from `now` on it is. Undefined: nothing is new. */
  wantHistory(user: string, now: number): Promise<'kept' | 'asked' | undefined>;
  /** Takes the user out of the queue; with `askedBefore` only who asked last before that time. Of a pair nothing changes. */
  stopWaiting(user: string, askedBefore?: number): Promise<void>;
}

export interface MatchRequest {
  readonly user: RoomMember;
  readonly keepHistory: boolean;
  /** The user asked before: nothing is done where they do not wait any more. Default false. */
  readonly again?: boolean;
  /**
   * Who may be taken: online, not the user. Those of them who wait go before those who do not. Whoever asked within the last ten seconds is taken also
   * where they are not in it: two who ask at the same moment find each other.
   */
  readonly candidates: readonly RoomMember[];
  /** The name the room gets if one is made. */
  readonly room: string;
  readonly now: number;
  readonly expiresAt: number;
}

export type MatchResult =
  | (OpenPair & { readonly state: 'paired'; readonly made: false })
  /** `wishes`: who of the two wants history kept. */
  | (OpenPair & { readonly state: 'paired'; readonly made: true; readonly wishes: readonly string[] })
  | { readonly state: 'waiting' };

export interface OpenPair {
  readonly room: string;
  readonly with: RoomMember;
  readonly expiresAt: number;
}

export const ConversationState = { queued: 'queued', assigned: 'assigned', closed: 'closed' } as const;
export type ConversationState = (typeof ConversationState)[keyof typeof ConversationState];

export interface ConversationRecord {
  readonly room: string;
  readonly subject: string;
  readonly state: ConversationState;
  readonly customer: RoomMember;
  readonly agent: RoomMember | undefined;
  readonly createdAt: number;
}

export interface NewConversation {
  readonly room: string;
  readonly subject: string;
  readonly customer: RoomMember;
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
  /** At most `limit`. Queued ones: the one that waits the longest first; else the newest first. */
  list(filter: ConversationFilter): Promise<ListPage<ConversationRecord, ConversationPlace>>;
  /**
   * Gives the conversation to one of `agents` (online ones): the one with the fewest open conversations. The agent before is taken out of the room's members.
   * In one transaction. The new agent starts with everything undelivered, what the customer wrote before included. `from`: only where the conversation is
   * still in this state, else undefined.
   */
  assign(room: string, agents: readonly RoomMember[], from?: ConversationState): Promise<ConversationRecord | undefined>;
  /**
   * Takes an open conversation from an agent: gives it to one of `agents` as `assign` does, or puts it back into the queue, in its old place, where there are
   * none. Undefined where that agent has not got it any more.
   */
  handOn(room: string, from: string, agents: readonly RoomMember[]): Promise<ConversationRecord | undefined>;
  /** Queued ones, the oldest first. */
  queued(limit: number): Promise<ConversationRecord[]>;
  /** Who has open conversations. */
  agentsAtWork(): Promise<RoomMember[]>;
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

/** A message as it is kept. `sender` and `data` are JSON texts, so that the frame can be rebuilt byte by byte. */
export interface StoredMessage {
  readonly room: string;
  readonly offset: number;
  readonly epoch: string;
  /** The message's own id (M2). */
  readonly id: string;
  /** JSON of `{id,name,kind?}`, the id first: messages stored before there was a kind have none. */
  readonly sender: string;
  readonly text: string;
  /** JSON of the `data` member, or undefined. */
  readonly data: string | undefined;
  /** The publisher's stamp. */
  readonly at: number;
}

/** Where a message was stored under its id. */
export interface StoredAt {
  readonly offset: number;
  readonly epoch: string;
  readonly at: number;
}

/** Messages of a room, oldest first. */
export interface StoredPage {
  readonly messages: StoredMessage[];
  /** Older ones exist. */
  readonly more: boolean;
}

export interface MessageStore {
  /**
   * Stores a message; resolves once it is committed. Calls of the same few milliseconds go out in one statement. Idempotent by (room, id) for as long as
   * recent keys are kept (an hour): resolves with where the *first* one is. `conflict`: the offset is taken by another message; nothing was stored.
   */
  append(message: StoredMessage): Promise<StoredAt | 'conflict'>;
  /** At one moment: where the message of this id was stored within the last hour, and the highest offset ever stored in the room; 0 for none. */
  find(room: string, id: string): Promise<{ readonly first: StoredAt | undefined; readonly top: number }>;
  /** The highest offset ever stored in the room; 0 for none. */
  top(room: string): Promise<number>;
  /**
   * The newest messages below `before` (`Infinity`: of all), oldest first. At most `limit`; the one that reaches `bytes` (text, data and sender, default no
   * limit) is the last, what lies beyond is not fetched.
   */
  before(room: string, before: number, limit: number, bytes?: number): Promise<StoredPage>;
  /** The oldest messages above `after`, oldest first. `limit` and `bytes` as in `before`: there may be more where fewer than `limit` come. */
  after(room: string, after: number, limit: number, bytes?: number): Promise<StoredMessage[]>;
  /** The stored offsets above `above`, up to `through`, in any order. */
  offsets(room: string, above: number, through: number): Promise<number[]>;
}

/** What a user has not got yet in one room. */
export interface Waiting {
  readonly room: string;
  /** Everything up to here was delivered. */
  readonly delivered: number;
  readonly top: number;
  /** Since when the room keeps history, Unix milliseconds: what is older waits for nobody. */
  readonly historyFrom: number;
}

export interface CursorStore {
  /**
   * Moves a member's cursor forward, never back and never above what is stored; of others, and in rooms that keep no history, nothing; calls of the same
   * moment go out together. Resolves once committed: false where the room is not stored that far, so that asking again may move it on.
   */
  advance(user: string, room: string, offset: number): Promise<boolean>;
  /** Up to where a room's messages reached the user; `historyFrom` as in `Waiting`. */
  delivered(user: string, room: string): Promise<Pick<Waiting, 'delivered' | 'historyFrom'>>;
  /** The made rooms of the user that keep history, and are open or a conversation, with something above the cursor. Calls of the same moment go out together. */
  waiting(user: string): Promise<readonly Waiting[]>;
}

/**
 * What takes a token's power away, as a log that every node follows. `login`: all tokens of a login. `token`: one token, by the SHA-256 of it (base64url).
 * `user`: all tokens of the user issued up to `at`. `ban`: the user until `until`. `unban`. `disconnect`: the user's connections of this moment.
 */
export interface Sanction {
  readonly seq: number;
  readonly kind: 'login' | 'token' | 'user' | 'ban' | 'unban' | 'disconnect';
  /** The login, the hash, or the user id. */
  readonly subject: string;
  readonly reason: string;
  readonly at: number;
  /** Of no interest afterwards. */
  readonly until: number;
}

export interface SanctionStore {
  /** An `unban` is kept no longer than the bans it lifts, `until` at most. */
  add(sanction: Omit<Sanction, 'seq'>): Promise<void>;
  /** Until when the user is banned, Unix milliseconds; undefined: they are not. O(log n). */
  bannedUntil(user: string, now: number): Promise<number | undefined>;
  /** What was committed since the read that gave this mark; without one, everything that holds, without bans that were lifted. */
  since(mark: string | undefined, now: number): Promise<LogPage<Sanction>>;
}

/** A read of a log. None that follows another by its mark misses what was committed in between, in whatever order. */
export interface LogPage<Entry> {
  /** In the order in which they were added. After a fail-over some may come again. */
  readonly entries: readonly Entry[];
  /** Where this read ended: an opaque text for the next one. */
  readonly mark: string;
  /** False where the mark given is older than entries are kept: some may be missing. */
  readonly complete: boolean;
}

/**
 * What became of a room. `left`: `users` are members no more. `closed`: it is over; `users` are the members of a private room, who are told over their own
 * channels. `changed`: what it keeps is another, or somebody came into a private room.
 */
export interface RoomChange {
  readonly room: string;
  readonly change: 'left' | 'closed' | 'changed';
  /** Of `closed` only. */
  readonly reason: 'expired' | 'closed' | undefined;
  readonly users: readonly string[];
}

/** The log of what takes access to rooms away, or changes it: written with every such change, in its transaction. Kept for an hour. */
export interface RoomChangeStore {
  /** What was committed since the read that gave this mark; without one, nothing. */
  since(mark: string | undefined): Promise<LogPage<RoomChange>>;
}

export interface SeenRecord {
  readonly user: string;
  readonly name: string;
  readonly kind: string;
  readonly lastSeen: number;
}

/** A place in a list of people by their names. `key`: the lower-cased name. */
export interface NamePlace {
  readonly key: string;
  readonly user: string;
}

export interface SeenStore {
  /** A user came or went; calls of the same moment go out together. Never rejects: it is a convenience. */
  touch(record: SeenRecord): void;
  get(users: readonly string[]): Promise<SeenRecord[]>;
  /** The kind of a user, seen or not, as in `RoomMember`; undefined where nobody knows. */
  kindOf(user: string): Promise<string | undefined>;
  /** Whose name begins with the text, whatever the case, in the order of the lower-cased names, so that the text itself comes first. At most `limit`. */
  named(text: string, page: { readonly after?: NamePlace | undefined; readonly limit: number }): Promise<ListPage<SeenRecord, NamePlace>>;
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
  /** Keys of messages stored and changes of rooms added over an hour ago, codes, tickets, families and sanctions that are over, absences nobody looks for any more, guests who were not here for 30 days. */
  dropExpired(now: number): Promise<number>;
  /** Made rooms closed for over 30 days, with members and cursors. */
  dropClosedRooms(now: number): Promise<number>;
  /**
   * Direct rooms of which `dropHistory(days)` left nothing, and in which nothing was said for 30 days: with members and cursors, and resolves with whose they were; at
   * most 1,000 at a call. 0 days: none. How far offsets came is kept: a room that is made again goes on above (M3).
   */
  dropSilentRooms(days: number, now: number): Promise<readonly DroppedRoom[]>;
}
