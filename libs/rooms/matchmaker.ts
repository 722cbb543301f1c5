/** Pairing (A9). Offers candidates to the store, which decides, and notifies the pair. */

import type { Presence } from '#libs/presence/presence.ts';
import { HubError } from '#libs/protocol/errors.ts';
import type { Person } from '#libs/protocol/frame-types.ts';
import { ROOM_KINDS } from '#libs/protocol/room-kinds.ts';
import { may } from '#libs/protocol/user-kinds.ts';
import type { SeenStore } from '#libs/store/account-store.ts';
import type { MatchResult, PairStore } from '#libs/store/conversation-store.ts';
import type { Notifier } from './notices.ts';
import { type Absences, GRACE_MS, type PersonKinds, whoIsOnline } from './people.ts';

/** The values of `PAIRING`: who may be paired besides those who wait. */
export type Pairing = 'waiting' | 'anyone';

/** Dependencies of `Matchmaker`. */
export interface MatchmakerOptions {
  /** Whether only those are paired who wait or may be found, or anybody who is online (`PAIRING`). */
  readonly pairing: Pairing;
  readonly pairs: PairStore;
  readonly seen: Pick<SeenStore, 'get'>;
  readonly presence: Pick<Presence, 'sessions' | 'sample'>;
  readonly absences: Pick<Absences, 'look'>;
  readonly kinds: Pick<PersonKinds, 'of'>;
  readonly notifier: Pick<Notifier, 'membership'>;
  /** Sends people the notices of committed changes (`Notices`). Never rejects. */
  readonly sendNotices: () => Promise<void>;
  /** Plans the end of the room, in Unix milliseconds. Never rejects. */
  readonly scheduleExpiry: (room: string, expiresAt: number) => Promise<void>;
  /** A fresh `pair:` name at each call. */
  readonly roomName: () => string;
  /** Unix milliseconds. */
  readonly now: () => number;
  /** Milliseconds of a steady clock, to measure the wait. Default the system's. */
  readonly steady?: () => number;
}

/** The life of a pair, in milliseconds. */
const LIFE_MS = ROOM_KINDS.pair.limits.lifeMs;
/**
 * Users who do not wait that are offered at once. If none of them may be paired, the user waits, and
 * gets other offers a second later.
 */
const FOUND = 64;
/** Users who may be found that are looked at for one request: not all of them are online. */
const FINDABLE = 512;
/**
 * Most waiting users that are read for one request, and for one sweep, the longest waiting first.
 */
const WAITING = 64;
const WAITING_SWEPT = 1000;
/** Milliseconds that a request waits for earlier ones of this process. */
const QUEUED_MAX_MS = 30_000;

/** Pairs users, on request and by a sweep. */
export class Matchmaker {
  readonly #options: MatchmakerOptions;
  #sweeping = false;
  /**
   * The last request of the queue. The store pairs one at a time; waiting requests must not hold
   * its connections.
   */
  #lastMatch: Promise<unknown> = Promise.resolve();

  constructor(options: MatchmakerOptions) {
    this.#options = options;
  }

  /**
   * Returns the user's pair, if there is one. It keeps history from the moment that both asked for
   * it. Otherwise pairs the user with somebody online who has no pair: those who wait first, then
   * those who may be found. Otherwise the user waits. Nobody gets the last partner again within 24
   * hours.
   *
   * The store lets nobody have two pairs, whatever process asks. `matched` tells both of a new
   * pair. Rejects with `HubError` `UNAVAILABLE`.
   */
  async ask(user: Person, keepHistory: boolean): Promise<MatchResult> {
    const pair = await this.#options.pairs.of(user.id);
    if (pair !== undefined) {
      if (keepHistory) await this.#wantHistory(user, pair);
      return { state: 'paired', made: false, ...pair };
    }
    // Of two who begin to wait at the same moment, the store shows the first one to the second.
    return this.#match(user, keepHistory, await this.#candidates(user.id), false);
  }

  /**
   * The user stops waiting. Can be repeated. Does not end a pair. Rejects with `HubError`
   * `UNAVAILABLE`.
   */
  stop(user: string): Promise<void> {
    return this.#options.pairs.stopWaiting(user);
  }

  /** Who may be paired on this hub, and whether this user may be found. Rejects as `ask`. */
  async findability(user: string): Promise<{ readonly pairing: Pairing; readonly findable: boolean }> {
    return { pairing: this.#options.pairing, findable: await this.#options.pairs.isFindable(user) };
  }

  /** The user may be paired without waiting while they are online, or not any more. Rejects as `ask`. */
  async setFindable(user: string, findable: boolean): Promise<{ readonly pairing: Pairing; readonly findable: boolean }> {
    await this.#options.pairs.setFindable(user, findable);
    return { pairing: this.#options.pairing, findable };
  }

  /**
   * Pairs waiting users with others who are online now, and removes waiting users who have left.
   * The clean-up job calls it every second. Several processes may do so at once.
   */
  async sweep(): Promise<void> {
    if (this.#sweeping) return;
    this.#sweeping = true;
    try {
      await this.#sweep();
    } finally {
      this.#sweeping = false;
    }
  }

  async #sweep(): Promise<void> {
    const { pairs, absences, now } = this.#options;
    const waiting = (await pairs.waiting(WAITING_SWEPT)).map(({ user, keepHistory }) => ({ id: user.id, user, keepHistory }));
    const { here, gone } = await absences.look(waiting);
    // A user who asks at this moment is online.
    await Promise.all(gone.map(({ id }) => pairs.stopWaiting(id, now() - GRACE_MS)));
    if (here.length === 0) return;
    const others: readonly Person[] = [...here.map(({ user }) => user), ...(await this.#found())];
    const taken = new Set<string>();
    for (const { id, user, keepHistory } of here) {
      if (taken.has(id)) continue;
      const free = others.filter((other) => other.id !== id && !taken.has(other.id)).slice(0, WAITING + FOUND);
      if (free.length === 0) continue;
      const result = await this.#match(user, keepHistory, free, true);
      if (result.state === 'paired') taken.add(id).add(result.with.id);
    }
  }

  async #match(user: Person, keepHistory: boolean, candidates: readonly Person[], onlyIfWaiting: boolean): Promise<MatchResult> {
    const { pairs, notifier, sendNotices, scheduleExpiry, roomName, now } = this.#options;
    const result = await this.#serialize(() => {
      const at = now();
      return pairs.match({ user, keepHistory, onlyIfWaiting, candidates, room: roomName(), now: at, expiresAt: at + LIFE_MS });
    });
    if (result.state === 'paired' && result.made) {
      const other = await this.#withKind(result.with);
      await notifier.membership(result.room, [user.id, other.id]);
      await sendNotices();
      await scheduleExpiry(result.room, result.expiresAt);
      return { ...result, with: other };
    }
    return result;
  }

  /**
   * The store may not know the kind of somebody who came a moment ago. The partner must see it all
   * the same.
   */
  async #withKind(person: Person): Promise<Person> {
    const kind = person.kind ?? (await this.#options.kinds.of(person.id));
    return kind === undefined ? person : { ...person, kind };
  }

  /**
   * A user who was paired without asking for history may ask for it later. The partner gets a
   * notice, and history is kept from the moment that both want it.
   */
  async #wantHistory(user: Person, pair: { readonly room: string; readonly with: Person }): Promise<void> {
    const { pairs, notifier, sendNotices, now } = this.#options;
    const history = await pairs.wantHistory(user.id, now());
    if (history === 'kept') await notifier.membership(pair.room, [user.id, pair.with.id]);
    if (history !== undefined) await sendNotices();
  }

  #serialize<T>(work: () => Promise<T>): Promise<T> {
    const { steady = () => performance.now() } = this.#options;
    const since = steady();
    const done = this.#lastMatch.then(() => {
      if (steady() - since > QUEUED_MAX_MS) throw new HubError('UNAVAILABLE', undefined, { retryAfter: 1 });
      return work();
    });
    this.#lastMatch = done.catch(() => undefined);
    return done;
  }

  async #candidates(asker: string): Promise<Person[]> {
    const [waiting, found] = await Promise.all([this.#waitingOnline(asker), this.#found()]);
    const known = new Set([asker, ...waiting.map(({ id }) => id)]);
    return [...waiting, ...found.filter(({ id }) => !known.has(id))];
  }

  async #waitingOnline(asker: string): Promise<Person[]> {
    const { pairs, presence } = this.#options;
    const others = (await pairs.waiting(WAITING)).map(({ user }) => user).filter(({ id }) => id !== asker);
    return whoIsOnline(presence, others);
  }

  /** Some users online who may be paired though they need not wait, in random order. */
  async #found(): Promise<Person[]> {
    const ids = await this.#foundIds();
    if (ids.length === 0) return [];
    const records = new Map((await this.#options.seen.get(ids)).map((record) => [record.user, record]));
    return ids.flatMap((id) => {
      const record = records.get(id);
      return record !== undefined && may(record.kind, 'pairs') ? [{ id, name: record.name, kind: record.kind }] : [];
    });
  }

  async #foundIds(): Promise<readonly string[]> {
    const { pairing, pairs, presence } = this.#options;
    if (pairing === 'anyone') return presence.sample(FOUND);
    const findable = (await pairs.someFindable(FINDABLE)).map((id) => ({ id }));
    return (await whoIsOnline(presence, findable)).slice(0, FOUND).map(({ id }) => id);
  }
}
