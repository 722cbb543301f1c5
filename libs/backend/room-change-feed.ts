import { Poll } from '#libs/process/poll.ts';
import type { RoomChange, RoomChangeStore } from '#libs/store/change-logs.ts';
import type { Logger } from '#libs/telemetry/logger.ts';

/** Who acts on changes of rooms; a hub is one. */
export interface RoomChangeListener {
  /** Applies what became of rooms, in this order; the same may come again. Rejects where it has to be tried again. */
  roomsChanged(changes: readonly RoomChange[]): Promise<void>;
  /** Changes may have been missed: whatever is held is asked about. Rejects where it has to be tried again. */
  recheckRooms(): Promise<void>;
  /** Everything that was committed more than so many milliseconds ago is applied. */
  roomsUpToDate(ageMs: number): void;
}

export interface RoomChangeFeedOptions {
  readonly source: RoomChangeStore;
  /** Undefined while there is nobody whom a change could concern. */
  readonly listener: () => RoomChangeListener | undefined;
  /** Milliseconds of any steady clock. */
  readonly clock: () => number;
  readonly log: Logger;
  /** Milliseconds between two looks. Default 500: what is lost holds within 2 s (R7), a look that fails included. */
  readonly everyMs?: number;
}

const EVERY_MS = 500;

/** Follows the log of what became of rooms. While it cannot be read nobody is told anything; what was missed is made good afterwards. */
export class RoomChangeFeed {
  readonly #options: RoomChangeFeedOptions;
  readonly #poll: Poll;
  #mark: string | undefined;

  constructor(options: RoomChangeFeedOptions) {
    this.#options = options;
    this.#poll = new Poll({
      work: () => this.#look(),
      everyMs: options.everyMs ?? EVERY_MS,
      log: options.log,
      failing: 'changes of rooms cannot be read',
      working: 'changes of rooms are read again',
    });
  }

  /** Whether the log was read once: before, a change could be missed. */
  get ready(): boolean {
    return this.#mark !== undefined;
  }

  /** Begins. Resolves when the log was read for the first time, or tried to: it goes on trying. */
  start(): Promise<void> {
    return this.#poll.refresh();
  }

  stop(): Promise<void> {
    return this.#poll.stop();
  }

  async #look(): Promise<void> {
    const { source, listener, clock } = this.#options;
    const asked = clock();
    const page = await source.since(this.#mark);
    const to = listener();
    if (this.#mark === undefined || !page.complete) await to?.recheckRooms();
    else if (page.entries.length > 0) await to?.roomsChanged(page.entries);
    // What was not applied comes again.
    this.#mark = page.mark;
    to?.roomsUpToDate(clock() - asked);
  }
}
