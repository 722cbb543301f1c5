import type { Broker, Position, Publication } from '#libs/broker/broker.ts';
import { MemberSignals } from '#libs/messages/member-signals.ts';
import { Retention } from '#libs/messages/room-access.ts';
import { memberText } from '#libs/protocol/json-text.ts';
import { isArchivedRoom, isManagedRoom, isPrivateRoom } from '#libs/protocol/room-kinds.ts';
import { publishedAt } from '#libs/protocol/server-frame.ts';
import type { MessageStore, StoredMessage } from '#libs/store/message-store.ts';
import type { RoomStore } from '#libs/store/room-store.ts';
import type { Background } from '#libs/telemetry/background.ts';
import type { Logger } from '#libs/telemetry/logger.ts';

export interface StreamSweepOptions {
  readonly broker: Pick<Broker, 'active' | 'kept' | 'emit'>;
  readonly rooms: Pick<RoomStore, 'standing'>;
  readonly messages: Pick<MessageStore, 'offsets' | 'append'>;
  readonly log: Logger;
  readonly background: Background;
  /** Unix milliseconds. */
  readonly now: () => number;
  /** Milliseconds a message is left to the gateway that published it. */
  readonly graceMs: number;
}

/**
 * Older messages are not stored any more, milliseconds: for an hour the store knows a message by its id, so that one that was stored in another place is not
 * stored twice. Ten minutes for clocks that differ.
 */
const CARRIED_MS = 3_000_000;
const PAGE = { count: 100, bytes: 1_000_000 };
/** Rooms looked at beside each other. */
const PARALLEL = 8;

/** What a finished `message` frame holds. */
interface MessageFrame {
  readonly message: {
    readonly id: string;
    readonly from: unknown;
    readonly text: string;
    readonly at: number;
  };
}

/**
 * Stores what is in a room's stream and not in the store (M1): shown live by a gateway that died before it stored it, while its sender never came back to retry.
 *
 * Which rooms to look at the broker tells, which has noted each one before it was published to: the store cannot know of a room that was silent for long and
 * whose first new message is the very one that was not stored. Members of a private room are told of what was stored, as the gateway would have told them. A room's stream is read from its beginning once, then only what came since. Several sweeps at
 * once are harmless: the store takes each message once.
 */
export class StreamSweep {
  readonly #options: StreamSweepOptions;
  /** Up to where each active room was looked at. */
  readonly #seen = new Map<string, Position>();
  readonly #signals: MemberSignals;

  constructor(options: StreamSweepOptions) {
    this.#options = options;
    this.#signals = new MemberSignals(options);
  }

  /** One look at every active room. Resolves with how many messages were stored; rejects with the first failure, after all rooms were tried. */
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
        // Of another sequence nothing was seen.
        this.#seen.delete(room);
        continue;
      }
      // Clocks of gateways differ: what comes behind one that is still left to its gateway waits with it, or the look would go past it.
      const young = publications.findIndex(({ frame }) => publishedAt(frame) > now() - graceMs);
      const settled = publications.slice(0, young < 0 ? undefined : young);
      stored += await this.#store(room, epoch, settled);
      this.#seen.set(room, { epoch, offset: settled.at(-1)?.offset ?? seen?.offset ?? 0 });
      if (!more || settled.length < publications.length) return stored;
    }
  }

  /** Stores those of a stretch of the stream that are missing, and resolves with how many. */
  async #store(room: string, epoch: string, publications: readonly Publication[]): Promise<number> {
    const { messages, log, now } = this.#options;
    const [first] = publications;
    const last = publications.at(-1);
    if (first === undefined || last === undefined) return 0;
    const known = new Set(await messages.offsets(room, first.offset - 1, last.offset));
    const missing = publications.filter(({ offset, frame }) => !known.has(offset) && publishedAt(frame) >= now() - CARRIED_MS);
    if (missing.length === 0) return 0;
    const { historyFrom, members } = await this.#facts(room);
    const carried = missing.filter(({ frame }) => publishedAt(frame) >= historyFrom);
    if (carried.length === 0) return 0;
    const places = await Promise.all(carried.map((publication) => messages.append(toStored(room, epoch, publication))));
    for (const [i, { offset, frame }] of carried.entries()) {
      const place = places[i];
      // What stands in another place was told by the gateway that stored it there.
      if (place !== 'conflict' && place?.offset === offset) this.#signals.tell(members, Retention.history, Buffer.from(frame).toString());
    }
    const conflicts = places.filter((place) => place === 'conflict').length;
    const stored = places.length - conflicts;
    log.warn({ room, stored, conflicts }, 'messages of a stream were not stored yet');
    return stored;
  }

  /**
   * Since when the room keeps history, `Infinity` where it keeps none or that is not known: what was said before, nobody wanted to be kept. And who is to be
   * told: nobody of a room that is over, or whose messages come over the room.
   */
  async #facts(room: string): Promise<{ readonly historyFrom: number; readonly members: readonly string[] }> {
    if (!isManagedRoom(room)) return { historyFrom: isArchivedRoom(room) ? 0 : Number.POSITIVE_INFINITY, members: [] };
    const found = await this.#options.rooms.standing(room);
    const historyFrom = (found?.room.keepHistory === true ? found.room.historyFrom : undefined) ?? Number.POSITIVE_INFINITY;
    const told = isPrivateRoom(room) && found?.room.closedAt === undefined;
    return { historyFrom, members: told ? (found?.privateMembers ?? []) : [] };
  }
}

function toStored(room: string, epoch: string, { offset, frame }: Publication): StoredMessage {
  const json = Buffer.from(frame).toString();
  const { id, from, text, at } = (JSON.parse(json) as MessageFrame).message;
  // As it was sent: parsed and written again, its numbers could be others.
  const data = memberText(memberText(json, 'message') ?? '', 'data');
  return { room, offset, epoch, id, sender: JSON.stringify(from), text, data, at };
}
