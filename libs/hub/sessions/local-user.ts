import { FrameBudget, type FrameLimits } from '#libs/hub/limits/frame-budget.ts';
import { ByteCredit } from '#libs/hub/limits/user-bytes.ts';
import type { MembershipStamp, MembershipValidity } from '#libs/hub/rooms/membership-validity.ts';
import type { Membership, RoomBearer } from '#libs/messages/room-access.ts';
import type { PresenceUser } from '#libs/presence/presence.ts';
import { personJson } from '#libs/protocol/server-frame.ts';
import type { PrivateFeed } from './private-feed.ts';

/** Memberships remembered of one user: the rooms of a few connections. */
const MEMBERSHIPS_MAX = 200;
/** Ends of private rooms remembered of one user. */
const CLOSED_MAX = 200;
const NO_FEEDS: ReadonlyMap<string, PrivateFeed> = new Map();

/** A remembered membership: asked for now, or known since a moment. */
type KnownMembership = { readonly asking: Promise<Membership> } | { readonly membership: Membership; readonly stamp: MembershipStamp };

/** One user on this node, shared by all their connections here. */
export class LocalUser implements PresenceUser {
  readonly id: string;
  #name: string;
  #kind: string;
  /** Settled once the user's own channel is listened to. */
  readonly listening: Promise<void>;
  /**
   * Private rooms with messages since the user came here; undefined for the many that have none.
   */
  #feeds: Map<string, PrivateFeed> | undefined;
  #memberships: Map<string, KnownMembership> | undefined;
  /** Private rooms whose end was reported. */
  #closed: Set<string> | undefined;
  #json: { readonly kind: string; readonly text: string } | undefined;
  #credit: ByteCredit | undefined;
  #pages: FrameBudget | undefined;

  constructor(id: string, name: string, kind: string, listening: Promise<void>) {
    this.id = id;
    this.#name = name;
    this.#kind = kind;
    this.listening = listening;
  }

  get name(): string {
    return this.#name;
  }

  /**
   * The kind of the newest token. After a loss of Redis, presence gets the user back with this
   * kind.
   */
  get kind(): string {
    return this.#kind;
  }

  /** One more connection, by a token of this kind. */
  came(kind: string): void {
    this.#kind = kind;
  }

  /** A newer token has another name: messages from now on have it. */
  renew(name: string, kind: string): void {
    this.#name = name;
    this.#kind = kind;
    this.#json = undefined;
  }

  /**
   * The JSON of the user, with the kind of the publishing connection's token. Built at first use:
   * most users never publish.
   */
  json(kind: string): string {
    if (this.#json?.kind !== kind) this.#json = { kind, text: personJson({ id: this.id, name: this.name, kind }) };
    return this.#json.text;
  }

  /** The user's budget of pages of history, begun at the first one. */
  pages(limits: FrameLimits, now: number): FrameBudget {
    this.#pages ??= new FrameBudget(limits, now);
    return this.#pages;
  }

  /** The bytes drawn for the user's messages on this node. */
  get credit(): ByteCredit {
    this.#credit ??= new ByteCredit();
    return this.#credit;
  }

  /**
   * Returns the user's membership of a managed room while it is known and holds. Without a promise:
   * most messages need none (no microtask on the hot path).
   */
  knownMembership(room: string, validity: MembershipValidity): Membership | undefined {
    const known = this.#memberships?.get(room);
    return known !== undefined && 'membership' in known && validity.holds(room, known.stamp) ? known.membership : undefined;
  }

  /**
   * Asks for the user's membership of a managed room. Calls share a question that is under way, and
   * go on in their order. Rejects as `enter` does.
   */
  askMembership(room: string, validity: MembershipValidity, enter: () => Promise<Membership>): Promise<Membership> {
    const known = this.#memberships?.get(room);
    if (known !== undefined && 'asking' in known) return known.asking;
    const kept = { asking: this.#ask(room, validity, enter) };
    this.#keep(room, kept);
    kept.asking.catch(() => {
      if (this.#memberships?.get(room) === kept) this.#memberships.delete(room);
    });
    return kept.asking;
  }

  /** The private rooms whose messages are on their way to the user here. */
  get feeds(): ReadonlyMap<string, PrivateFeed> {
    return this.#feeds ?? NO_FEEDS;
  }

  /** Messages of a private room are on their way to the user from now on. */
  gets(room: string, feed: PrivateFeed): void {
    this.#feeds ??= new Map();
    this.#feeds.set(room, feed);
  }

  /** The user lost the private room. Work that was begun for it stops. */
  loses(room: string): void {
    this.#feeds?.delete(room);
  }

  /** The private room has ended. Returns true the first time: the caller reports the end. */
  closes(room: string): boolean {
    this.#memberships?.delete(room);
    this.loses(room);
    this.#closed ??= new Set();
    if (this.#closed.has(room)) return false;
    this.#closed.add(room);
    if (this.#closed.size > CLOSED_MAX) {
      const [oldest = ''] = this.#closed;
      this.#closed.delete(oldest);
    }
    return true;
  }

  /** Returns true if the end of a private room was reported: nothing more of it comes. */
  isEndReported(room: string): boolean {
    return this.#closed?.has(room) === true;
  }

  /** The user by one of their tokens. */
  bearer({ kind, rooms }: Pick<RoomBearer, 'kind' | 'rooms'>): RoomBearer {
    return { userId: this.id, name: this.name, kind, rooms };
  }

  /** An answer that a change overtook is asked for again. */
  async #ask(room: string, validity: MembershipValidity, enter: () => Promise<Membership>): Promise<Membership> {
    for (;;) {
      const stamp = validity.stamp();
      const membership = await enter();
      if (!validity.stands(room, stamp)) continue;
      this.#keep(room, { membership, stamp });
      return membership;
    }
  }

  #keep(room: string, membership: KnownMembership): void {
    this.#memberships ??= new Map();
    this.#memberships.set(room, membership);
    if (this.#memberships.size <= MEMBERSHIPS_MAX) return;
    const [oldest] = this.#memberships.keys();
    if (oldest !== undefined) this.#memberships.delete(oldest);
  }
}
