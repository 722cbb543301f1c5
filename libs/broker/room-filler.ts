/** Fills gaps in the delivery of rooms (M4). */
import type { Logger } from '#libs/redis/logger.ts';
import { ArchiveAwayError } from './archive-reader.ts';
import type { BrokerListener, Position } from './broker.ts';
import { LATEST_PAGE } from './broker-limits.ts';
import type { RoomReader } from './room-reader.ts';
import { Phase, type RoomSequence } from './room-sequence.ts';

/** The size of one read of a gap. */
const FILL_PAGE = { count: 100, bytes: 256 * 1024 } as const;
/** Reads without progress after which a gap counts as lost. */
const STUCK = 3;
/** Rooms compared at once, and rooms filled at once. */
const COMPARED = 200;
const FILLED = 16;
const RETRY_MS = 300;

/** Options of `RoomFiller`. */
export interface FillerOptions {
  readonly reader: RoomReader;
  readonly listener: BrokerListener;
  readonly log: Logger;
  /** A gap was filled from the stream (`filled`), or reported as a reset. */
  readonly gap: (filled: boolean) => void;
}

/** Fills the gaps of rooms from their streams, or reports that it cannot (M4). */
export class RoomFiller {
  readonly #reader: RoomReader;
  readonly #options: FillerOptions;
  #closed = false;

  constructor(options: FillerOptions) {
    this.#reader = options.reader;
    this.#options = options;
  }

  /** Ends all work. Nothing is delivered afterwards. */
  close(): void {
    this.#closed = true;
  }

  /**
   * Compares interrupted rooms with the positions of their sequences and fills those that moved.
   * Rejects if Redis goes away meanwhile. Rooms that need the archive are filled when it is back;
   * other rooms do not wait for them.
   */
  async compare(sequences: readonly RoomSequence[]): Promise<void> {
    const behind: RoomSequence[] = [];
    for (let at = 0; at < sequences.length; at += COMPARED) {
      const batch = sequences.slice(at, at + COMPARED);
      await Promise.all(
        batch.map(async (sequence) => {
          const { round } = sequence;
          const position = await this.#position(sequence.room);
          if (this.#stale(sequence, round)) return;
          if (position === undefined) {
            this.fill(sequence);
            return;
          }
          const same = position.epoch === sequence.epoch && position.offset === sequence.last;
          if (!same || !sequence.release()) behind.push(sequence);
        }),
      );
    }
    for (let at = 0; at < behind.length; at += FILLED) {
      await Promise.all(behind.slice(at, at + FILLED).map((sequence) => this.#fill(sequence)));
    }
  }

  /**
   * Finds live rooms that fell behind unnoticed. It also keeps their positions from expiring.
   * Rejects if Redis is away.
   */
  async sweep(sequences: readonly RoomSequence[]): Promise<void> {
    for (let at = 0; at < sequences.length && !this.#closed; at += COMPARED) {
      await Promise.all(
        sequences.slice(at, at + COMPARED).map(async (sequence) => {
          const { round } = sequence;
          const position = await this.#position(sequence.room);
          if (position === undefined || this.#stale(sequence, round) || sequence.phase !== Phase.live) return;
          if (position.epoch !== sequence.epoch || position.offset > sequence.last) this.restore(sequence);
        }),
      );
    }
  }

  /**
   * Fills one room and retries until it succeeds. It stops if the room is interrupted again: the
   * later interruption fills it.
   */
  fill(sequence: RoomSequence): void {
    this.#fill(sequence).catch((error: unknown) => {
      // The store itself logs that it is away: once, not for each room.
      if (!(error instanceof ArchiveAwayError))
        this.#options.log.warn({ room: sequence.room, err: error }, 'a gap could not be filled yet');
      const { round } = sequence;
      setTimeout(() => {
        if (!this.#stale(sequence, round) && sequence.phase === Phase.filling) this.fill(sequence);
      }, RETRY_MS).unref();
    });
  }

  /** Interrupts a live room and fills it. */
  restore(sequence: RoomSequence): void {
    sequence.interrupt();
    this.fill(sequence);
  }

  /** Undefined if the archive is needed and away. */
  async #position(room: string): Promise<Position | undefined> {
    try {
      return await this.#reader.position(room);
    } catch (error) {
      if (error instanceof ArchiveAwayError) return undefined;
      throw error;
    }
  }

  async #fill(sequence: RoomSequence): Promise<void> {
    const { round } = sequence;
    for (let stuck = 0; stuck < STUCK; ) {
      const before = sequence.last;
      const page = await this.#reader.after(sequence.room, before, FILL_PAGE);
      if (this.#stale(sequence, round)) return;
      const { epoch, offset } = page.position;
      if (epoch !== sequence.epoch || offset < before || !page.complete) break;
      if (!sequence.fill(page.publications)) break;
      if (this.#stale(sequence, round)) return;
      if (page.more) continue;
      if (sequence.release()) {
        this.#options.gap(true);
        return;
      }
      stuck = sequence.last > before ? 0 : stuck + 1;
    }
    await this.#reset(sequence);
  }

  /**
   * Resets a room whose sequence was lost, or whose missing publications are no longer kept.
   * Delivery continues after the newest one.
   */
  async #reset(sequence: RoomSequence): Promise<void> {
    sequence.interrupt();
    const { round } = sequence;
    const { position, publications } = await this.#reader.latest(sequence.room, Number.POSITIVE_INFINITY, LATEST_PAGE);
    if (this.#stale(sequence, round)) return;
    this.#options.gap(false);
    sequence.moveTo(position);
    this.#options.listener.reset(sequence.room, position, publications);
    if (!this.#stale(sequence, round) && !sequence.release()) this.fill(sequence);
  }

  #stale(sequence: RoomSequence, round: number): boolean {
    return this.#closed || sequence.round !== round || sequence.phase === Phase.ended;
  }
}
