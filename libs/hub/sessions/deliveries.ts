/** The deliveries of one connection: those under way, and the positions that pages reached. */
import type { Position } from '#libs/broker/broker.ts';
import { Retention } from '#libs/messages/room-access.ts';
import { type Delivery, DeliveryState, isSameEpoch } from './delivery.ts';

const NO_PAGES: ReadonlyMap<string, Position> = new Map();
const NOTHING_POSTPONED: ReadonlyMap<string, number> = new Map();

export class Deliveries {
  /** By room name; undefined for the many connections that have none under way. */
  #underWay: Map<string, Delivery> | undefined;
  /** The state of the stored rooms that have no delivery of their own. */
  #stored: typeof DeliveryState.offline | typeof DeliveryState.live = DeliveryState.offline;
  /**
   * Private rooms with messages that are left to offline delivery, and the lowest offset of those.
   */
  #postponed: Map<string, number> | undefined;
  /** Private rooms, and how far a page or offline delivery got ahead of the user's own channel. */
  #pages: Map<string, Position> | undefined;

  /** The state of a room. Each private message asks for it once for each connection. */
  state(room: string, retention: Retention): DeliveryState {
    return this.#underWay?.get(room)?.state ?? (retention === Retention.history ? this.#stored : DeliveryState.live);
  }

  /** The delivery of a room that is under way. */
  get(room: string): Delivery | undefined {
    return this.#underWay?.get(room);
  }

  /** The rooms whose deliveries are under way. */
  names(): Iterable<string> {
    return this.#underWay?.keys() ?? [];
  }

  /** A delivery begins. It is under way until `end`. */
  begin(room: string, delivery: Delivery): void {
    this.#underWay ??= new Map();
    this.#underWay.set(room, delivery);
  }

  /** The delivery of a room has ended: the room is live, or left. */
  end(room: string): void {
    this.#underWay?.delete(room);
    if (this.#underWay?.size === 0) this.#underWay = undefined;
  }

  /** The connection is gone: nothing is under way any more. */
  endAll(): void {
    this.#underWay = undefined;
  }

  /**
   * Leaves the messages of a private room, from this offset on, to offline delivery: it sends them
   * once, in order.
   */
  postpone(room: string, offset: number): void {
    this.#postponed ??= new Map();
    this.#postponed.set(room, Math.min(offset, this.#postponed.get(room) ?? offset));
  }

  /** The rooms with messages that were left to offline delivery, and the lowest offset of each. */
  get postponed(): ReadonlyMap<string, number> {
    return this.#postponed ?? NOTHING_POSTPONED;
  }

  /** Takes the postponed rooms: offline delivery sends their messages now. */
  takePostponed(): ReadonlyMap<string, number> {
    const { postponed } = this;
    this.#postponed = undefined;
    return postponed;
  }

  /** Offline delivery has ended: from now on stored messages come live. */
  caughtUp(): void {
    this.#stored = DeliveryState.live;
    this.#postponed = undefined;
  }

  /** Whether offline delivery has ended. */
  get isCaughtUp(): boolean {
    return this.#stored === DeliveryState.live;
  }

  /**
   * Notes that everything of a private room up to this position was sent, or reported as lost. An
   * empty epoch stands for the known sequence.
   */
  pageSent(room: string, { epoch, offset }: Position): void {
    this.#pages ??= new Map();
    const known = this.#pages.get(room);
    if (known !== undefined && isSameEpoch(known.epoch, epoch))
      this.#pages.set(room, { epoch: epoch === '' ? known.epoch : epoch, offset: Math.max(offset, known.offset) });
    else this.#pages.set(room, { epoch, offset });
  }

  /**
   * Private rooms, and how far a page or offline delivery sent their messages. An empty epoch:
   * offline delivery alone did.
   */
  get pages(): ReadonlyMap<string, Position> {
    return this.#pages ?? NO_PAGES;
  }

  /** Whether a page or offline delivery sent this message of a private room. */
  wasPaged(room: string, { epoch, offset }: Position): boolean {
    const sent = this.#pages?.get(room);
    return sent !== undefined && offset <= sent.offset && isSameEpoch(sent.epoch, epoch);
  }

  /** A new sequence of a private room began: offline delivery sent messages of another one. */
  begunAnew(room: string): void {
    if (this.#pages?.get(room)?.epoch === '') this.#pages.delete(room);
  }
}
