/** What a broker asks of the store about rooms whose messages outlive Redis. */

import type { PageLimit, Publication } from './broker.ts';

/** Where a message was stored first. */
export interface Archived {
  readonly offset: number;
  readonly epoch: string;
  readonly at: number;
}

/** What is stored of a room at one moment. */
export interface Known {
  /** Where the publication under the key was stored, if that was within the last hour (M2 through a loss of Redis). */
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
  /** Whether messages of this room may be stored: its offsets then never fall, over epochs too (M3). */
  holds(room: string): boolean;
  /** The highest stored offset; 0 for none. */
  top(room: string): Promise<number>;
  find(room: string, key: string): Promise<Known>;
  /** The oldest stored publications above `offset`, oldest first. A page may be over the limit's bytes by its last publication, and by its frames' heads. */
  after(room: string, offset: number, limit: PageLimit): Promise<ArchivedPublication[]>;
  /** The newest stored publications below `offset`. The limit as in `after`. */
  before(room: string, offset: number, limit: PageLimit): Promise<ArchivedPage>;
}
