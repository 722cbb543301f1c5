/** The numbers of a hub that a scrape or a report reads. */
import type { Rooms } from '#libs/hub/rooms/rooms.ts';
import type { Presence } from '#libs/presence/presence.ts';
import { USER_KINDS, type UserKind } from '#libs/protocol/user-kinds.ts';
import type { LocalUsers } from './local-users.ts';

/** Connections that are looked at in one turn of the event loop: some 0.2 ms. */
const BATCH = 1000;

/** The kinds of users by which connections are counted. `other`: kinds of an issuer (A12). */
export const SESSION_KINDS = [...(Object.keys(USER_KINDS) as UserKind[]), 'other'] as const;

/** What all connections have together. */
export interface Survey {
  /** Open connections by the kind of their user. */
  readonly sessions: Readonly<Record<UserKind | 'other', number>>;
  /** Bytes in all outboxes. */
  readonly outboxBytes: number;
  /** Bytes in the fullest outbox. */
  readonly outboxLargest: number;
}

/** Messages of rooms with history, and of others. */
interface InFlight {
  readonly stored: number;
  readonly unstored: number;
}

export interface CensusOptions {
  readonly users: LocalUsers;
  readonly rooms: Rooms;
  /** Messages that are not answered yet, by lane. */
  readonly inFlight: () => InFlight;
  readonly presence: Pick<Presence, 'onlineCount'>;
}

export class Census {
  readonly #options: CensusOptions;

  constructor(options: CensusOptions) {
    this.#options = options;
  }

  get connections(): number {
    return this.#options.users.size;
  }

  /** Distinct users with a connection to this node. */
  get users(): number {
    return this.#options.users.count;
  }

  get rooms(): number {
    return this.#options.rooms.size;
  }

  get subscriptions(): number {
    let total = 0;
    for (const room of this.#options.rooms.all()) total += room.subscriptions;
    return total;
  }

  /** The rooms with the most subscriptions here, the largest first, at most `limit`. */
  topRooms(limit: number): string[] {
    return this.#options.rooms.largest(limit).map(({ name }) => name);
  }

  get usersOnline(): number {
    return this.#options.presence.onlineCount;
  }

  /** Messages that are not answered yet. */
  get inFlight(): InFlight {
    return this.#options.inFlight();
  }

  /**
   * Looks at every connection, in batches, so that messages are handled in between. Connections
   * that come or go meanwhile may be missed.
   */
  async survey(): Promise<Survey> {
    const sessions = Object.fromEntries(SESSION_KINDS.map((kind) => [kind, 0])) as Record<UserKind | 'other', number>;
    let outboxBytes = 0;
    let outboxLargest = 0;
    let seen = 0;
    for (const { bearer, outboxBytes: bytes } of this.#options.users.all()) {
      sessions[Object.hasOwn(USER_KINDS, bearer.kind) ? (bearer.kind as UserKind) : 'other'] += 1;
      outboxBytes += bytes;
      if (bytes > outboxLargest) outboxLargest = bytes;
      seen += 1;
      if (seen % BATCH === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    return { sessions, outboxBytes, outboxLargest };
  }
}
