/** The port to the store for rooms whose log outlives Redis. */

import type { PageLimit, Publication } from './broker.ts';

/** The place at which a message was stored first. */
export interface Archived {
  readonly offset: number;
  readonly epoch: string;
  readonly at: number;
}

/** The answer to a lookup of a key. */
export interface Known {
  /**
   * The place of the publication under the key, if it was stored within the last hour. It survives
   * a loss of Redis (M2).
   */
  readonly first: Archived | undefined;
  /** The highest stored offset; 0 for none. */
  readonly top: number;
}

/** A stored publication with its epoch. */
export interface ArchivedPublication extends Publication {
  readonly epoch: string;
}

/** A page of stored messages. */
export interface ArchivedPage {
  /** Oldest first. */
  readonly publications: readonly ArchivedPublication[];
  /** Whether older messages exist. */
  readonly more: boolean;
}

/**
 * The stored log of rooms. While the store is away, every method but `holds` rejects with
 * `HubError` `UNAVAILABLE`.
 */
export interface Archive {
  /**
   * Whether messages of this room may be stored. If so, its offsets never decrease, not even over
   * epochs (M3).
   */
  holds(room: string): boolean;
  /** The highest stored offset; 0 for none. */
  top(room: string): Promise<number>;
  /** Looks up an idempotency key. */
  find(room: string, key: string): Promise<Known>;
  /**
   * Returns the oldest stored publications above `offset`, oldest first. The frames may exceed the
   * limit's bytes by the last publication and by their heads.
   */
  after(room: string, offset: number, limit: PageLimit): Promise<ArchivedPublication[]>;
  /**
   * Returns the newest stored messages below `offset` in their latest state, oldest first. The
   * limit works as in `after`.
   */
  before(room: string, offset: number, limit: PageLimit): Promise<ArchivedPage>;
}
