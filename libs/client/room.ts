import type { OfflineMessageFrame, PageMessage, Position } from '#libs/protocol/frame-types.ts';
import type { ClientError } from './client-error.ts';
import type { JoinResult } from './client-events.ts';
import type { Timer } from './timer.ts';

export const RoomState = {
  /** Waits for a connection, or for the time of its next try. */
  waiting: 'waiting',
  /** Asked for on this connection. */
  joining: 'joining',
  joined: 'joined',
  /** Not wanted any more. */
  left: 'left',
} as const;
export type RoomState = (typeof RoomState)[keyof typeof RoomState];

/** The application waits for the first answer. */
export interface PendingJoin {
  /** With `since`: the missed messages, as far as they came. */
  missed: readonly PageMessage[];
  readonly timer: Timer;
  readonly promise: Promise<JoinResult>;
  resolve(result: JoinResult): void;
  reject(error: ClientError): void;
}

/** A room that the client wants to be in. */
export class Room {
  readonly name: string;
  state: RoomState = RoomState.waiting;
  /**
   * The position in the sequence. Undefined in rooms that keep nothing, and before the first
   * answer.
   */
  position: Position | undefined;
  /** The join frame whose answer counts. */
  joinId: string | undefined;
  /** When to ask again, milliseconds of the steady clock; undefined: not at all. */
  due: number | undefined;
  wish: PendingJoin | undefined;
  /**
   * Offline messages that may also come by the room, in its order. All of them until the room is
   * entered, then those beyond its position. Only of this connection.
   */
  held: OfflineMessageFrame[] = [];
  /** Joins in a row that failed with a retryable error. */
  failures = 0;

  constructor(name: string, since: Position | undefined) {
    this.name = name;
    this.position = since;
  }

  /** Goes back to `waiting`: no join is under way. */
  wait(): void {
    this.state = RoomState.waiting;
    this.joinId = undefined;
    this.due = undefined;
  }

  /** Moves on to the offset of a message. Returns false if the message was there already. */
  advance(offset: number | undefined): boolean {
    if (offset === undefined || this.position === undefined) return true;
    if (offset <= this.position.offset) return false;
    this.position = { epoch: this.position.epoch, offset };
    return true;
  }
}
