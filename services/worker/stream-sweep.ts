import type { Broker, Publication } from '#libs/broker/broker.ts';
import { publishedAt } from '#libs/protocol/server-frame.ts';
import type { MessageStore, RoomStore, StoredMessage } from '#libs/store/store.ts';
import type { Logger } from '#libs/telemetry/logger.ts';

export interface StreamSweepOptions {
  readonly broker: Pick<Broker, 'after'>;
  readonly rooms: Pick<RoomStore, 'get'>;
  readonly messages: Pick<MessageStore, 'active' | 'recent' | 'top' | 'before' | 'after' | 'append'>;
  readonly log: Logger;
  /** Unix milliseconds. */
  readonly now: () => number;
  /** Milliseconds a message is left to the gateway that published it. */
  readonly graceMs: number;
}

/** How far back rooms count as active, milliseconds: as long as the store remembers what it stored lately. */
const ACTIVE_MS = 3_600_000;
const PAGE = { count: 100, bytes: 1_000_000 };
/** Rooms looked at beside each other. */
const PARALLEL = 8;
/** The public room: always there, and keeps history. */
const PARK = 'park';

/** What a finished `message` frame holds. */
interface MessageFrame {
  readonly message: {
    readonly id: string;
    readonly from: unknown;
    readonly text: string;
    readonly data?: unknown;
    readonly at: number;
  };
}

/**
 * Stores what is in a room's stream and not in the store (M1): shown live by a gateway that died before it stored it, while its sender never came back to retry. Several sweeps at
 * once are harmless: the store takes each message once.
 */
export class StreamSweep {
  readonly #options: StreamSweepOptions;
  /** Up to where a room was seen to be stored. Offsets never fall in rooms that keep history. */
  readonly #seen = new Map<string, number>();

  constructor(options: StreamSweepOptions) {
    this.#options = options;
  }

  /** One look at every active room. Resolves with how many messages were stored; rejects with the first failure, after all rooms were tried. */
  async run(): Promise<number> {
    const { messages, now } = this.#options;
    const rooms = new Set([PARK, ...(await messages.active(now() - ACTIVE_MS))]);
    for (const room of this.#seen.keys()) if (!rooms.has(room)) this.#seen.delete(room);
    const queue = [...rooms];
    const failures: unknown[] = [];
    let stored = 0;
    const work = async (): Promise<void> => {
      for (let room = queue.shift(); room !== undefined; room = queue.shift()) {
        try {
          stored += await this.#sweep(room);
        } catch (error) {
          failures.push(error);
        }
      }
    };
    await Promise.all(Array.from({ length: PARALLEL }, work));
    if (failures.length > 0) throw failures[0];
    return stored;
  }

  async #sweep(room: string): Promise<number> {
    const { broker, messages, log, now, graceMs } = this.#options;
    let seen = this.#seen.get(room) ?? (await this.#start(room));
    let stored = 0;
    for (;;) {
      const page = await broker.after(room, seen, PAGE);
      // Clocks of gateways differ: what comes behind one that is still left to its gateway waits with it, or the look would go past it.
      const young = page.publications.findIndex(({ frame }) => publishedAt(frame) > now() - graceMs);
      const settled = page.publications.slice(0, young < 0 ? undefined : young);
      const [first] = settled;
      if (first === undefined) break;
      const known = new Set((await messages.after(room, first.offset - 1, PAGE.count)).map(({ offset }) => offset));
      const missing = settled.filter(({ offset }) => !known.has(offset));
      const from = missing.length === 0 ? 0 : await this.#historyFrom(room);
      const carried = missing.filter(({ frame }) => publishedAt(frame) >= from);
      if (carried.length > 0) {
        const results = await Promise.all(carried.map((publication) => messages.append(toStored(room, page.position.epoch, publication))));
        const conflicts = results.filter((result) => result === 'conflict').length;
        stored += results.length - conflicts;
        log.warn({ room, stored: results.length - conflicts, conflicts }, 'messages of a stream were not stored yet');
      }
      seen = settled.at(-1)?.offset ?? seen;
      this.#seen.set(room, seen);
      if (!page.more || settled.length < page.publications.length) break;
    }
    return stored;
  }

  /** Below what was stored lately, or where nothing was, at the top: earlier looks have seen to the rest. */
  async #start(room: string): Promise<number> {
    const { messages } = this.#options;
    const [oldest] = await messages.recent(room);
    if (oldest === undefined) return messages.top(room);
    const { messages: before } = await messages.before(room, oldest.offset, 1);
    return before.at(-1)?.offset ?? 0;
  }

  /** What was said before, nobody wanted to be kept: the moment a room began to keep history, `Infinity` where it keeps none, or it is not known. */
  async #historyFrom(room: string): Promise<number> {
    if (room === PARK) return 0;
    const record = await this.#options.rooms.get(room);
    return (record?.keepHistory === true ? record.historyFrom : undefined) ?? Number.POSITIVE_INFINITY;
  }
}

/** The frame was built from JSON that was parsed and written again: doing so once more changes nothing. */
function toStored(room: string, epoch: string, { offset, frame }: Publication): StoredMessage {
  const { message } = JSON.parse(Buffer.from(frame).toString()) as MessageFrame;
  const { id, from, text, data, at } = message;
  return { room, offset, epoch, id, sender: JSON.stringify(from), text, data: data === undefined ? undefined : JSON.stringify(data), at };
}
