/** Idempotency keys that the archive remembers after Redis has lost them (M2). */
import type { Archive, Known } from './archive.ts';
import { epochBegan } from './epoch-source.ts';

/** Rooms whose epoch is remembered. */
const ROOMS_MAX = 10_000;
/** Milliseconds by which the clocks of two nodes may differ. */
const SKEW_MS = 60_000;

/**
 * Looks up idempotency keys in the archive (M2). In the first minutes of an epoch the backend may
 * have lost keys, so the archive is asked. Later, a lost key is too old to be repeated.
 */
export class ArchiveKeys {
  readonly #archive: Archive;
  readonly #keyLifeMs: number;
  /** The epoch of each room that was published to, the oldest first. */
  readonly #epochs = new Map<string, string>();
  /** The newest unfinished lookup of each room. */
  readonly #asked = new Map<string, Promise<unknown>>();

  constructor(archive: Archive, keyLifeMs: number) {
    this.#archive = archive;
    this.#keyLifeMs = keyLifeMs;
  }

  /** Whether the archive may hold messages of the room. */
  holds(room: string): boolean {
    return this.#archive.holds(room);
  }

  /** The epoch that was noted last; undefined for an unknown room. */
  epochOf(room: string): string | undefined {
    return this.#epochs.get(room);
  }

  /** Remembers the epoch of a publication. */
  note(room: string, epoch: string): void {
    this.#epochs.delete(room);
    this.#epochs.set(room, epoch);
    if (this.#epochs.size <= ROOMS_MAX) return;
    const [oldest] = this.#epochs.keys();
    if (oldest !== undefined) this.#epochs.delete(oldest);
  }

  /** Whether the backend may have lost keys of publications shortly before this epoch. */
  mayHaveForgotten(epoch: string): boolean {
    return Date.now() - epochBegan(epoch) <= this.#keyLifeMs + SKEW_MS;
  }

  /** Resolves after all earlier lookups of the room. Never rejects. */
  async drainLookups(room: string): Promise<void> {
    await this.#asked.get(room)?.catch(() => undefined);
  }

  /**
   * Looks up the publication under this key, and the highest stored offset of the room. Answers of
   * one room come in the order of the lookups. Rejects with `UNAVAILABLE`: without an answer the
   * message could be published twice.
   */
  find(room: string, key: string): Promise<Known> {
    const answer = inOrder(this.#asked.get(room), this.#archive.find(room, key));
    this.#asked.set(room, answer);
    const done = (): void => {
      if (this.#asked.get(room) === answer) this.#asked.delete(room);
    };
    answer.then(done, done);
    return answer;
  }
}

async function inOrder<T>(before: Promise<unknown> | undefined, answer: Promise<T>): Promise<T> {
  const [settled] = await Promise.allSettled([answer, before]);
  if (settled.status === 'rejected') throw settled.reason;
  return settled.value;
}
