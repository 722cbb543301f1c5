/**
 * A room on this node: from the first connection that enters until a moment after the last one
 * left.
 */
import type { Position, Publication } from '#libs/broker/broker.ts';
import { roomEventsTopic, roomTopic } from '#libs/hub/ports/socket.ts';
import { pageItems } from '#libs/messages/message-page.ts';
import type { Membership } from '#libs/messages/room-access.ts';
import type { PresenceUser } from '#libs/presence/presence.ts';
import { isPrivateRoom, type RoomKind, roomKind } from '#libs/protocol/room-kinds.ts';
import { type RecentBudget, RecentPage } from './recent-page.ts';

export class Room {
  readonly name: string;
  readonly kind: RoomKind;
  readonly topic: `r:${string}`;
  /** Of the connections that get all events, beside `topic`. */
  readonly eventsTopic: `e:${string}`;
  /**
   * Its messages come over the own channels of its members (R5): here, only who is in it and who
   * types.
   */
  readonly isPrivate: boolean;
  /** Its messages come over the room, and have offsets, an epoch and recovery (R3). */
  readonly keeps: boolean;
  readonly recent: RecentPage;
  /**
   * The membership of everybody in the room; undefined for managed rooms, whose members differ and
   * change.
   */
  readonly membership: Membership | undefined;
  #epoch = '';
  #offset = 0;
  #connections = 0;
  #idleSince = 0;
  #subscriptions = 0;
  #eventSubscriptions = 0;
  #count = 0;
  #countSignals = 0;
  #pushedCount = -1;
  /** Each user with connections of this node in the room, and their number. */
  readonly #users = new Map<PresenceUser, number>();
  /** Users whose first entry presence has not confirmed yet. */
  readonly #entering = new Map<PresenceUser, Promise<void>>();
  #waiting: { readonly offset: number; readonly resolve: () => void }[] = [];
  #page: { readonly offset: number; readonly bytes: Buffer } | undefined;

  constructor(name: string, keeps: boolean, budget: RecentBudget, membership?: Membership) {
    this.membership = membership;
    this.name = name;
    this.kind = roomKind(name);
    this.topic = roomTopic(name);
    this.eventsTopic = roomEventsTopic(name);
    this.isPrivate = isPrivateRoom(name);
    this.keeps = keeps && !this.isPrivate;
    this.recent = new RecentPage(budget);
  }

  get epoch(): string {
    return this.#epoch;
  }

  /** Offset of the newest publication relayed on this node. */
  get offset(): number {
    return this.#offset;
  }

  /** The sequence starts at this position: at first, or after it was lost. */
  restart(position: Position, latest: readonly Publication[]): void {
    this.#epoch = position.epoch;
    this.#offset = position.offset;
    this.recent.reset(latest, position.offset);
    this.#page = undefined;
    this.#wake(Number.POSITIVE_INFINITY);
  }

  /** @param isLasting As in `BrokerListener.publication`. */
  relayed(offset: number, frame: Uint8Array, isLasting = false): void {
    this.#offset = offset;
    this.recent.push(offset, frame, isLasting);
    if (this.#waiting.length > 0) this.#wake(offset);
  }

  /**
   * Resolves once this node has relayed up to an offset, or a new sequence began; at the latest
   * when `givenUp` does.
   */
  async reached(offset: number, givenUp: Promise<void>): Promise<void> {
    if (offset <= this.#offset) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const waiter = { offset, resolve };
    this.#waiting.push(waiter);
    await Promise.race([promise, givenUp]);
    this.#waiting = this.#waiting.filter((other) => other !== waiter);
  }

  /**
   * The latest page as the items of a frame; one build serves everyone who joins at this offset.
   * Undefined: ask the broker.
   */
  latestItems(): Buffer | undefined {
    if (this.#page?.offset === this.#offset) return this.#page.bytes;
    const latest = this.recent.latest();
    if (latest === undefined) return undefined;
    const bytes = pageItems(this.name, latest);
    this.keepLatestItems(bytes);
    return bytes;
  }

  /** Keeps the latest page at the present offset, for the next joins at this offset. */
  keepLatestItems(bytes: Buffer): void {
    this.#page = { offset: this.#offset, bytes };
  }

  /** A connection enters, or begins to. Pair it with `release`. */
  acquire(): void {
    this.#connections += 1;
  }

  /** A connection left, at this moment of the steady clock, milliseconds. */
  release(now: number): void {
    this.#connections -= 1;
    this.#idleSince = now;
  }

  /** Connections of this node that entered or are entering. */
  get connections(): number {
    return this.#connections;
  }

  /** When the last connection left, milliseconds of the steady clock. */
  get idleSince(): number {
    return this.#idleSince;
  }

  /** Connections of this node that get relayed publications. */
  get subscriptions(): number {
    return this.#subscriptions;
  }

  /** The subscriptions that get all events of the log (M7). */
  get eventSubscriptions(): number {
    return this.#eventSubscriptions;
  }

  /** A connection gets relayed publications from now on. */
  subscribed(wantsEvents: boolean): void {
    this.#subscriptions += 1;
    if (wantsEvents) this.#eventSubscriptions += 1;
  }

  unsubscribed(wantsEvents: boolean): void {
    this.#subscriptions -= 1;
    if (wantsEvents) this.#eventSubscriptions -= 1;
  }

  /** The users with a connection of this node in the room. */
  get users(): Pick<ReadonlyMap<PresenceUser, number>, 'keys' | 'has'> {
    return this.#users;
  }

  /** A connection of the user enters. Returns true if it is the only one of theirs here. */
  userEntered(user: PresenceUser): boolean {
    const before = this.#users.get(user) ?? 0;
    this.#users.set(user, before + 1);
    return before === 0;
  }

  /** A connection of the user left. Returns true if it was their last one here. */
  userLeft(user: PresenceUser): boolean {
    const rest = (this.#users.get(user) ?? 1) - 1;
    if (rest > 0) {
      this.#users.set(user, rest);
      return false;
    }
    this.#users.delete(user);
    // An entry under way counts for the connections before: the next one is announced after this
    // leave.
    this.#entering.delete(user);
    return true;
  }

  /**
   * Resolves once presence has confirmed the user's entry. Rejects as `enter` of `announce` does.
   */
  async entry(user: PresenceUser): Promise<void> {
    await this.#entering.get(user);
  }

  /**
   * Enters the user's first connection of this node into the room's presence. Calls while `enter`
   * is under way share its outcome.
   */
  announce(user: PresenceUser, enter: () => Promise<void>): Promise<void> {
    const known = this.#entering.get(user);
    if (known !== undefined) return known;
    const entering = enter().finally(() => {
      if (this.#entering.get(user) === entering) this.#entering.delete(user);
    });
    this.#entering.set(user, entering);
    return entering;
  }

  /** Distinct users hub-wide, by the last report of presence. */
  get count(): number {
    return this.#count;
  }

  /**
   * Signals of the count so far. If it grew while presence was asked, a signal is newer than the
   * answer.
   */
  get countSignals(): number {
    return this.#countSignals;
  }

  /** Presence signalled a count. */
  countSignalled(count: number): void {
    this.#countSignals += 1;
    this.#count = count;
  }

  /** Presence answered with a count. It was asked after so many signals. */
  countAnswered(count: number, signals: number): void {
    if (this.#countSignals === signals) this.#count = count;
  }

  /** Whether the count is the one that was last pushed. */
  get isCountPushed(): boolean {
    return this.#count === this.#pushedCount;
  }

  /** The count is pushed to everybody in the room. */
  countPushed(): void {
    this.#pushedCount = this.#count;
  }

  #wake(offset: number): void {
    const waiting = this.#waiting;
    this.#waiting = waiting.filter((waiter) => waiter.offset > offset);
    for (const waiter of waiting) if (waiter.offset <= offset) waiter.resolve();
  }
}
