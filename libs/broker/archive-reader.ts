/** Pages that go further back than the stream of a room. */
import { HubError } from '#libs/protocol/errors.ts';
import type { Archive, ArchivedPage } from './archive.ts';
import type { Page, PageLimit, Publication } from './broker.ts';

/** The archive is away, so an epoch cannot begin. Rooms without an archive are not affected. */
export class ArchiveAwayError extends HubError {
  constructor(cause: unknown) {
    super('UNAVAILABLE', undefined, { cause });
  }
}

/**
 * Completes pages of a stream from the archive, which goes further back. While the archive is away,
 * a page that has entries stays as it is.
 */
export class ArchiveReader {
  readonly #archive: Archive;

  constructor(archive: Archive) {
    this.#archive = archive;
  }

  /** Whether the archive may hold messages of the room. */
  holds(room: string): boolean {
    return this.#archive.holds(room);
  }

  /** Returns the highest stored offset; 0 for none. Rejects with `ArchiveAwayError`. */
  async top(room: string): Promise<number> {
    try {
      return await this.#archive.top(room);
    } catch (error) {
      throw new ArchiveAwayError(error);
    }
  }

  /**
   * Completes a page above `offset` whose first publications have left the stream. The page is
   * complete only if the archive has them in the same epoch. Never rejects.
   */
  async after(room: string, offset: number, limit: PageLimit, page: Page): Promise<Page> {
    if (!this.#archive.holds(room)) return page;
    const rows = await this.#archive.after(room, offset, limit).catch(() => []);
    const publications: Publication[] = [];
    let bytes = limit.bytes;
    for (const { offset: at, epoch, frame } of rows) {
      if (epoch !== page.position.epoch || at !== offset + publications.length + 1) break;
      if (frame.length > bytes && publications.length > 0) break;
      publications.push({ offset: at, frame });
      bytes -= frame.length;
    }
    if (publications.length === 0) return page;
    return { position: page.position, publications, more: offset + publications.length < page.position.offset, complete: true };
  }

  /**
   * Completes a page below `offset` that the stream could not fill: stored publications are added
   * before its first one. An empty page rejects with `ArchiveAwayError` while the archive is away:
   * otherwise it would hide stored messages.
   */
  async before(room: string, offset: number, limit: PageLimit, page: Page): Promise<Page> {
    const missing = limit.count - page.publications.length;
    if (missing <= 0) return page;
    const below = page.publications[0]?.offset ?? Math.min(offset, page.position.offset + 1);
    if (below <= 1) return page;
    const left = limit.bytes - page.publications.reduce((sum, { frame, change = frame }) => sum + change.length, 0);
    let stored: ArchivedPage;
    try {
      stored = await this.#archive.before(room, below, { count: missing, bytes: Math.max(1, left) });
    } catch (error) {
      if (page.publications.length === 0) throw new ArchiveAwayError(error);
      return page;
    }
    let bytes = left;
    const older: Publication[] = [];
    for (const { epoch: _, ...message } of stored.publications.toReversed()) {
      const { length } = message.change ?? message.frame;
      if (length > bytes && older.length + page.publications.length > 0) break;
      older.push(message);
      bytes -= length;
    }
    const more = stored.more || older.length < stored.publications.length;
    return { ...page, publications: [...older.reverse(), ...page.publications], more };
  }
}
