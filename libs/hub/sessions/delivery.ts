/**
 * The states in which a room's messages reach a connection (M4, M5), of both kinds of room, and a
 * delivery while it is under way.
 *
 *     join          allowed            open, announced         last page
 *     ─────► asking ───────► entering ───────────────► recovering ─────► live
 *     doubt                                                   same, or `resync`
 *     ─────► comparing ────────────────────────────────────────────────► live
 *     connect                                          `offline_messages_complete`
 *     ─────► offline ──────────────────────────────────────────────────► live
 *
 * A join takes over what a comparison held. A join that fails goes back to a comparison if the
 * connection knows a position.
 */
import type { Position } from '#libs/broker/broker.ts';
import type { Room } from '#libs/hub/rooms/room.ts';
import type { Retention } from '#libs/messages/room-access.ts';

export const DeliveryState = {
  /** It is asked whether the user may enter. */
  asking: 'asking',
  /** The room is opened, and the user announced. */
  entering: 'entering',
  /** Missed messages are sent in pages. */
  recovering: 'recovering',
  /** The position of the connection in a private room is compared with the broker's. */
  comparing: 'comparing',
  /** Offline delivery sends the stored messages (M6). It also sends those that arrive meanwhile. */
  offline: 'offline',
  /** Messages are sent as they come. No object stands for it. */
  live: 'live',
} as const;
export type DeliveryState = (typeof DeliveryState)[keyof typeof DeliveryState];

/**
 * The most frames of a private room that wait for a delivery. With more, the connection ends and
 * the client connects again.
 */
const HELD_MAX = 1000;

/**
 * A frame of a private room on its way to one connection. `epoch` is empty if the offset alone
 * decides: in rooms that keep history it never falls (M3).
 */
export interface PrivateFrame extends Position {
  readonly frame: Buffer;
  readonly retention: Retention;
  /** It is no message, but `resync`: the sequence goes on from this position. */
  readonly isResync: boolean;
}

/** `fresh`: the join came without a position. */
export type JoinOutcome = 'fresh' | 'recovered' | 'lost';

/**
 * The way of one connection into one room, or back to its position there. It has ended once it is
 * no longer the one in `Deliveries`.
 */
export class Delivery {
  #state: DeliveryState;
  readonly #ids: (string | undefined)[];
  /** When a join began, milliseconds of the steady clock. */
  readonly startedAt: number;
  #outcome: JoinOutcome = 'fresh';
  #room: Room | undefined;
  #held: PrivateFrame[];

  private constructor(state: DeliveryState, ids: (string | undefined)[], held: PrivateFrame[], startedAt = 0) {
    this.#state = state;
    this.#ids = ids;
    this.#held = held;
    this.startedAt = startedAt;
  }

  /**
   * A join begins.
   *
   * @param id That of its frame.
   * @param startedAt Milliseconds of the steady clock.
   * @param before The comparison whose frames it takes over.
   */
  static join(id: string | undefined, startedAt: number, before?: Delivery): Delivery {
    return new Delivery(DeliveryState.asking, [id], before?.release() ?? [], startedAt);
  }

  /** Begins a comparison. `held`: earlier frames that wait for its outcome. */
  static comparison(held: readonly PrivateFrame[] = []): Delivery {
    return new Delivery(DeliveryState.comparing, [], [...held]);
  }

  get state(): DeliveryState {
    return this.#state;
  }

  /** What became of the position that the join came with. */
  get outcome(): JoinOutcome {
    return this.#outcome;
  }

  /** The position was compared with the room. */
  found(outcome: JoinOutcome): void {
    this.#outcome = outcome;
  }

  /** The `id`s of the joins that wait for its answer, the one that began it first. */
  get ids(): readonly (string | undefined)[] {
    return this.#ids;
  }

  /** The room, from `entering` on. */
  get room(): Room | undefined {
    return this.#room;
  }

  /** One more join waits for its answer. */
  share(id: string | undefined): void {
    this.#ids.push(id);
  }

  /** The user may enter. */
  enter(room: Room): void {
    this.#room = room;
    this.#state = DeliveryState.entering;
  }

  /** The room is open, and the user announced. */
  recover(): void {
    this.#state = DeliveryState.recovering;
  }

  /**
   * Keeps a frame that comes over the user's own channel meanwhile. Returns false if too many wait.
   */
  hold(frame: PrivateFrame): boolean {
    this.#held.push(frame);
    return this.#held.length <= HELD_MAX;
  }

  /**
   * Takes the frames that were held, in order, without those of another sequence than the page's.
   *
   * @param page The position that the page was cut at; undefined if none was sent.
   */
  release(page?: Position): PrivateFrame[] {
    const held = this.#held;
    this.#held = [];
    if (page === undefined) return held;
    // Frames of an earlier comparison may have been added last.
    return held.filter(({ epoch }) => isSameEpoch(epoch, page.epoch)).sort((one, other) => one.offset - other.offset);
  }
}

/**
 * Whether the connection is on its way into the room: the room's topic does not reach it yet, and a
 * join waits for its answer.
 */
export function isEntering(state: DeliveryState): boolean {
  switch (state) {
    case DeliveryState.asking:
    case DeliveryState.entering:
    case DeliveryState.recovering:
      return true;
    case DeliveryState.comparing:
    case DeliveryState.offline:
    case DeliveryState.live:
      return false;
    default:
      return state satisfies never;
  }
}

/** Whether two positions can be compared. An empty epoch goes with any. */
export function isSameEpoch(one: string, other: string): boolean {
  return one === '' || other === '' || one === other;
}
