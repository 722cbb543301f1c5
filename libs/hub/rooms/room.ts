/** One room as this node knows it, while a connection here is in it and for a moment longer. */
import type { Position, Publication } from '#libs/broker/broker.ts';
import { roomTopic } from '#libs/hub/ports/socket.ts';
import { pageItems } from '#libs/messages/message-page.ts';
import type { Membership } from '#libs/messages/room-access.ts';
import type { PresenceUser } from '#libs/presence/presence.ts';
import { isPrivateRoom } from '#libs/protocol/room-kinds.ts';
import { type RecentBudget, RecentPage } from './recent-page.ts';

/** An attempt to make the broker deliver a room. */
export interface Opening {
  /** For whom: a room that does not exist counts against them. */
  readonly user: string;
  /** Settled once the broker delivers the room, or does not. */
  readonly done: Promise<void>;
  /** The room does not exist, and `user` may begin none now. */
  refused: boolean;
}

export class Room {
  readonly name: string;
  readonly topic: `r:${string}`;
  /** Its messages come over the own channels of its members (R5): here, only who is in it and who types. */
  readonly isPrivate: boolean;
  /** Its messages come over the room, and have offsets, an epoch and recovery (R3). */
  readonly keeps: boolean;
  readonly recent: RecentPage;
  /** The membership of everybody in the room; undefined for managed rooms, whose members differ and change. */
  readonly membership: Membership | undefined;
  epoch = '';
  /** Offset of the newest publication relayed on this node. */
  offset = 0;
  /** Connections of this node that entered or are entering. */
  connections = 0;
  /** Connections of this node that get what is relayed. */
  subscriptions = 0;
  /** Distinct users hub-wide, by the last report of presence. */
  count = 0;
  /** Signals of the count so far. If it grew while presence was asked, a signal is newer than the answer. */
  signals = 0;
  /** The count that was last pushed. */
  countTold = -1;
  /** When the last connection left, milliseconds of the steady clock. */
  idleSince = 0;
  /** Each user with a connection of this node in here, with the number of those. */
  readonly users = new Map<PresenceUser, number>();
  /** Users whose first entry presence has not confirmed yet. */
  readonly entering = new Map<PresenceUser, Promise<void>>();
  /** The latest attempt; undefined before the first. */
  opening: Opening | undefined;
  #waiting: { readonly offset: number; readonly resolve: () => void }[] = [];
  #page: { readonly offset: number; readonly bytes: Buffer } | undefined;

  constructor(name: string, keeps: boolean, budget: RecentBudget, membership?: Membership) {
    this.membership = membership;
    this.name = name;
    this.topic = roomTopic(name);
    this.isPrivate = isPrivateRoom(name);
    this.keeps = keeps && !this.isPrivate;
    this.recent = new RecentPage(budget);
  }

  /** The sequence starts at this position: at first, or after it was lost. */
  restart(position: Position, latest: readonly Publication[]): void {
    this.epoch = position.epoch;
    this.offset = position.offset;
    this.recent.reset(latest, position.offset);
    this.#page = undefined;
    this.#wake(Number.POSITIVE_INFINITY);
  }

  relayed(offset: number, frame: Uint8Array): void {
    this.offset = offset;
    this.recent.push(offset, frame);
    if (this.#waiting.length > 0) this.#wake(offset);
  }

  /** Resolves once this node has relayed up to an offset, or a new sequence began; at the latest when `givenUp` does. */
  async reached(offset: number, givenUp: Promise<void>): Promise<void> {
    if (offset <= this.offset) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const waiter = { offset, resolve };
    this.#waiting.push(waiter);
    await Promise.race([promise, givenUp]);
    this.#waiting = this.#waiting.filter((other) => other !== waiter);
  }

  /** The latest page as the items of a frame; one build serves everyone who joins at this offset. Undefined: ask the broker. */
  latestItems(): Buffer | undefined {
    if (this.#page?.offset === this.offset) return this.#page.bytes;
    const latest = this.recent.latest();
    if (latest === undefined) return undefined;
    const bytes = pageItems(this.name, latest);
    this.#page = { offset: this.offset, bytes };
    return bytes;
  }

  #wake(offset: number): void {
    const waiting = this.#waiting;
    this.#waiting = waiting.filter((waiter) => waiter.offset > offset);
    for (const waiter of waiting) if (waiter.offset <= offset) waiter.resolve();
  }
}
