/** The part of the store that a broker needs for rooms whose log outlives Redis. */

import type { PageLimit, Publication } from './broker.ts';

/** The place at which a message was stored first. */
export interface Archived {
  readonly offset: number;
  readonly epoch: string;
  readonly at: number;
}

/** The answer to a lookup of a key. */
export interface Known {
  /** The place of the publication under the key, if it was stored within the last hour. It survives a loss of Redis (M2). */
  readonly first: Archived | undefined;
  /** The highest stored offset; 0 for none. */
  readonly top: number;
}

export interface ArchivedPublication extends Publication {
  readonly epoch: string;
}

export interface ArchivedPage {
  /** Oldest first. */
  readonly publications: readonly ArchivedPublication[];
  /** Older ones exist. */
  readonly more: boolean;
}

/** Every method but `holds` rejects with `HubError` `UNAVAILABLE` while the store is away. */
export interface Archive {
  /** Whether messages of this room may be stored. If so, its offsets never fall, not even over epochs (M3). */
  holds(room: string): boolean;
  /** The highest stored offset; 0 for none. */
  top(room: string): Promise<number>;
  find(room: string, key: string): Promise<Known>;
  /** The oldest stored publications above `offset`, oldest first. A page may exceed the limit's bytes by its last publication and by the heads of its frames. */
  after(room: string, offset: number, limit: PageLimit): Promise<ArchivedPublication[]>;
  /** The newest stored messages below `offset`, in their latest state. The limit as in `after`. */
  before(room: string, offset: number, limit: PageLimit): Promise<ArchivedPage>;
}
