import type { Broker, Position, Publication } from '#libs/broker/broker.ts';
import { MemberSignals } from '#libs/messages/member-signals.ts';
import { Retention } from '#libs/messages/room-access.ts';
import { memberText } from '#libs/protocol/json-text.ts';
import { eventOf, targetOfEvent } from '#libs/protocol/room-event.ts';
import { isArchivedRoom, isManagedRoom, isPrivateRoom } from '#libs/protocol/room-kinds.ts';
import { isMessageFrame, publishedAt } from '#libs/protocol/server-frame.ts';
import type { MessageStore, StoredMessage, StoredRoomEvent } from '#libs/store/message-store.ts';
import type { RoomStore } from '#libs/store/room-store.ts';
import type { Background } from '#libs/telemetry/background.ts';
import type { Logger } from '#libs/telemetry/logger.ts';

/** Dependencies of `StreamSweep`. */
export interface StreamSweepOptions {
  readonly broker: Pick<Broker, 'active' | 'kept' | 'emit'>;
  readonly rooms: Pick<RoomStore, 'standing'>;
  readonly messages: Pick<MessageStore, 'offsets' | 'append'>;
  readonly log: Logger;
  readonly background: Background;
  /** Unix milliseconds. */
  readonly now: () => number;
  /** Milliseconds that a message is left to the gateway that published it. */
  readonly graceMs: number;
}

/**
 * Milliseconds after which a message is not stored any more. The store knows a message by its id
 * for an hour, so within that time a message that is stored at another offset is not stored twice.
 * Ten minutes less, because clocks differ.
 */
const STORED_WITHIN_MS = 3_000_000;
const PAGE = { count: 100, bytes: 1_000_000 };
/** Rooms that are swept at the same time. */
const PARALLEL = 8;

/** The members of a finished `message` frame. */
interface MessageFrame {
  readonly message: {
    readonly id: string;
    readonly from: unknown;
    readonly text: string;
    readonly at: number;
  };
}

/**
 * Stores messages that are in a room's stream and not in the store (M1): a gateway sent them live
 * and died before it stored them, and the sender did not retry.
 *
 * The broker knows the rooms to sweep, because it notes each room before a publish. The store
 * cannot know them: in a silent room, the first new message may be the missing one. Members of a
 * private room get signals about stored messages, as from the gateway. A room's stream is read from
 * its beginning once, and then only its new part. Several sweeps at once do no harm: the store
 * takes each message once.
 */
export class StreamSweep {
  readonly #options: StreamSweepOptions;
  /** The position up to which each active room was swept. */
  readonly #seen = new Map<string, Position>();
  readonly #signals: MemberSignals;

  constructor(options: StreamSweepOptions) {
    this.#options = options;
    this.#signals = new MemberSignals(options);
  }

  /**
   * Sweeps every active room. Resolves with the number of stored messages. Rejects with the first
   * failure, after trying all rooms.
   */
  async run(): Promise<number> {
    const queue = await this.#options.broker.active();
    const active = new Set(queue);
    for (const room of this.#seen.keys()) if (!active.has(room)) this.#seen.delete(room);
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
    const { broker, now, graceMs } = this.#options;
    let stored = 0;
    for (;;) {
      const seen = this.#seen.get(room);
      const { position, publications, more } = await broker.kept(room, seen?.offset ?? 0, PAGE);
      const { epoch } = position;
      if (seen !== undefined && seen.epoch !== epoch) {
        // The stream is a new sequence: start from its beginning.
        this.#seen.delete(room);
        continue;
      }
      // The clocks of gateways differ. Messages behind a young one wait with it; otherwise the
      // position would move past the young one.
      const young = publications.findIndex(({ frame }) => publishedAt(frame) > now() - graceMs);
      const settled = publications.slice(0, young < 0 ? undefined : young);
      stored += await this.#store(room, epoch, settled);
      this.#seen.set(room, { epoch, offset: settled.at(-1)?.offset ?? seen?.offset ?? 0 });
      if (!more || settled.length < publications.length) return stored;
    }
  }

  /** Stores the missing messages of a part of the stream. Resolves with their number. */
  async #store(room: string, epoch: string, publications: readonly Publication[]): Promise<number> {
    const { messages, log, now } = this.#options;
    const [first] = publications;
    const last = publications.at(-1);
    if (first === undefined || last === undefined) return 0;
    const known = new Set(await messages.offsets(room, first.offset - 1, last.offset));
    const missing = publications.filter(({ offset, frame }) => !known.has(offset) && publishedAt(frame) >= now() - STORED_WITHIN_MS);
    if (missing.length === 0) return 0;
    const { historyFrom, members } = await this.#historyAndMembers(room);
    const carried = missing.filter(({ frame }) => publishedAt(frame) >= historyFrom);
    if (carried.length === 0) return 0;
    const places = await Promise.all(carried.map((publication) => messages.append(toStored(room, epoch, publication))));
    for (const [i, { offset, frame }] of carried.entries()) {
      const place = places[i];
      // If a message is stored at another offset, the gateway that stored it there sent the
      // signals.
      if (place !== 'conflict' && place?.offset === offset) this.#signals.signal(members, Retention.history, Buffer.from(frame).toString());
    }
    const conflicts = places.filter((place) => place === 'conflict').length;
    const stored = places.length - conflicts;
    log.warn({ room, stored, conflicts }, 'stored messages that were only in the stream of a room');
    return stored;
  }

  /**
   * The start of the room's history, and the members to signal. `historyFrom` is `Infinity` if the
   * room keeps no history, or if its start is unknown: earlier messages are never stored. `members`
   * is empty if the room is closed, or if its messages come over the room's own channel.
   */
  async #historyAndMembers(room: string): Promise<{ readonly historyFrom: number; readonly members: readonly string[] }> {
    if (!isManagedRoom(room)) return { historyFrom: isArchivedRoom(room) ? 0 : Number.POSITIVE_INFINITY, members: [] };
    const found = await this.#options.rooms.standing(room);
    const historyFrom = (found?.room.keepHistory === true ? found.room.historyFrom : undefined) ?? Number.POSITIVE_INFINITY;
    const isSignalled = isPrivateRoom(room) && found?.room.closedAt === undefined;
    return { historyFrom, members: isSignalled ? (found?.privateMembers ?? []) : [] };
  }
}

function toStored(room: string, epoch: string, { offset, frame }: Publication): StoredMessage | StoredRoomEvent {
  const json = Buffer.from(frame).toString();
  if (!isMessageFrame(frame)) {
    const body = eventOf(frame);
    const { id, kind, at } = JSON.parse(body) as { readonly id: string; readonly kind: string; readonly at: number };
    return { room, offset, epoch, id, kind, target: targetOfEvent(body), body, at };
  }
  const { id, from, text, at } = (JSON.parse(json) as MessageFrame).message;
  // The original text: parsing and writing it again could change its numbers.
  const data = memberText(memberText(json, 'message') ?? '', 'data');
  return { room, offset, epoch, id, sender: JSON.stringify(from), text, data, at };
}
