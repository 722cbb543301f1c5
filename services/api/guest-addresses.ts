/** The addresses of people, for the bans of guests and customers (A17). */
import { createHmac } from 'node:crypto';
import type { RecentSets } from '#libs/limits/recent-sets.ts';
import type { Logger } from '#libs/telemetry/logger.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** An address that so many others used within a day is not banned. */
const OTHERS = 5;
/** Users of one address that are kept: enough to count `OTHERS` beside the banned one. */
const USERS = OTHERS + 1;
/** Addresses of one guest or customer that are kept. */
const ADDRESSES = 4;
/** Bans of one address that are kept. */
const BANS = 16;

/** Somebody who logs in or goes on with a login. */
export interface AddressUser {
  readonly id: string;
  /** The hash of the browser's id; undefined for an account. All guests of a browser are one user. */
  readonly browser: string | undefined;
}

/** The parts of `GuestAddresses`. */
export interface GuestAddressesOptions {
  readonly sets: RecentSets;
  /** The key for the hashes of addresses and users: at least 32 bytes, the same on every instance. */
  readonly key: Uint8Array;
  /** Unix milliseconds. */
  readonly now: () => number;
  readonly log: Logger;
}

/**
 * Knows for a day which users used an address, and which addresses a guest or customer used; for an
 * hour, which addresses are banned. It keeps keyed hashes, never an address, and few of each.
 *
 * Its methods never reject. If Redis is away, nothing is noted and no address is banned.
 */
export class GuestAddresses {
  readonly #options: GuestAddressesOptions;

  constructor(options: GuestAddressesOptions) {
    this.#options = options;
  }

  /** Notes that a user used an address (`clientKey`). */
  async note({ id, browser }: AddressUser, address: string): Promise<void> {
    const until = this.#options.now() + DAY_MS;
    const [place, user] = [this.#hash('address', address), this.#hash('user', browser ?? id)];
    const notes = [this.#add('users', place, user, until, USERS)];
    if (browser !== undefined) notes.push(this.#add('addresses', this.#hash('user', id), `${place} ${user}`, until, ADDRESSES));
    await Promise.all(notes);
  }

  /**
   * Bans the addresses that a guest or customer used within a day, for an hour, or until the ban of
   * the user ends. Leaves out addresses that five others used.
   *
   * @param until The end of the ban of the user, Unix milliseconds.
   */
  async ban(id: string, until: number): Promise<void> {
    const end = Math.min(until, this.#options.now() + HOUR_MS);
    const used = (await this.#members('addresses', this.#hash('user', id))).map((pair) => pair.split(' '));
    const own = new Set(used.map(([, user]) => user));
    const ban = async (place: string): Promise<void> => {
      const others = (await this.#members('users', place)).filter((user) => !own.has(user));
      if (others.length < OTHERS) await this.#add('banned', place, id, end, BANS);
    };
    await Promise.all([...new Set(used.map(([place = '']) => place))].map(ban));
  }

  /** Resolves to the ids of the users whose bans concern this address, also after these bans are lifted. */
  bannedAt(address: string): Promise<readonly string[]> {
    return this.#members('banned', this.#hash('address', address));
  }

  #hash(kind: 'address' | 'user', text: string): string {
    return createHmac('sha256', this.#options.key).update(`${kind}\0${text}`).digest('base64url').slice(0, 22);
  }

  async #add(name: string, subject: string, member: string, until: number, most: number): Promise<void> {
    const { sets, now, log } = this.#options;
    await sets
      .add(name, subject, member, until, most, now())
      .catch((error: unknown) => log.warn({ err: error }, 'an address cannot be noted'));
  }

  async #members(name: string, subject: string): Promise<readonly string[]> {
    const { sets, now, log } = this.#options;
    return sets.members(name, subject, now()).catch((error: unknown) => {
      log.warn({ err: error }, 'addresses cannot be read: no address is banned');
      return [];
    });
  }
}
