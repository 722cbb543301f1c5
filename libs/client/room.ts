import type { OfflineMessageFrame, PageMessage, Position } from '#libs/protocol/frame-types.ts';
import type { ClientError } from './client-error.ts';
import type { JoinResult } from './client-events.ts';
import type { Timer } from './timer.ts';

export const RoomState = {
  /** To be joined when there is a line, or when its time has come. */
  waiting: 'waiting',
  /** Asked for on this line. */
  joining: 'joining',
  joined: 'joined',
  /** Not wanted any more. */
  left: 'left',
} as const;
export type RoomState = (typeof RoomState)[keyof typeof RoomState];

/** The application waits for the first answer. */
export interface PendingJoin {
  /** With `since`: what was missed, as far as it has come. */
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
  /** Where it is in the sequence; undefined in rooms that keep nothing, and before the first answer. */
  position: Position | undefined;
  /** The join frame whose answer counts. */
  joinId: string | undefined;
  /** When it is asked for again, milliseconds of the steady clock; undefined: it is not. */
  due: number | undefined;
  wish: PendingJoin | undefined;
  /** What waited for the user and may come by the room, too, and there in order: all until it is entered, then what is beyond its place. On this line. */
  held: OfflineMessageFrame[] = [];
  /** Joins in a row that failed in a way that may pass. */
  failures = 0;

  constructor(name: string, since: Position | undefined) {
    this.name = name;
    this.position = since;
  }

  /** Is not asked for any more. */
  wait(): void {
    this.state = RoomState.waiting;
    this.joinId = undefined;
    this.due = undefined;
  }

  /** Whether a message is the next one: goes on to its offset. False for one that was there already. */
  advance(offset: number | undefined): boolean {
    if (offset === undefined || this.position === undefined) return true;
    if (offset <= this.position.offset) return false;
    this.position = { epoch: this.position.epoch, offset };
    return true;
  }
}
