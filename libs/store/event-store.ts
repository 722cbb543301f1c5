/** The port to the events that the store keeps: one row for each change of members, rooms, conversations, logins and bans. */
import type { LogPage } from './change-logs.ts';

/** A row as it is kept. `libs/events/events.ts` gives it its type. */
export interface EventRow {
  /** Higher for the later one of two events of a room. */
  readonly seq: number;
  readonly kind: string;
  /** Undefined: the event is about people, not about a room. */
  readonly room: string | undefined;
  /** The people concerned, in the order in which they came. */
  readonly users: readonly string[];
  /** When it happened, Unix milliseconds by the database's clock. */
  readonly at: number;
  readonly payload: unknown;
}

/** A place in the log that all processes share. */
export interface ConsumerPosition {
  readonly position: string;
  /** False while another process works through what follows. */
  readonly isFree: boolean;
}

/** Every change adds its event in its own transaction. Events are kept for seven days. */
export interface EventStore {
  /**
   * The events of these kinds that were committed since the read that gave this mark, however late they were committed; without a mark none. At most 1,000:
   * if there are more, `more` is true and the page's mark leads on. Two events of one room never come in the wrong order.
   */
  since(mark: string | undefined, kinds: readonly string[]): Promise<LogPage<EventRow>>;
  /** How far a consumer has come. Throws `TypeError` if no migration made a consumer of this name. */
  position(consumer: string): Promise<ConsumerPosition>;
  /**
   * Holds a consumer that stands at `position` and that nobody else holds, for `ms` milliseconds at most. False: it was held, or has moved on. Of several
   * calls at once one is true.
   */
  hold(consumer: string, position: string, holder: string, ms: number): Promise<boolean>;
  /** Lets go of a consumer that `holder` still holds, at `position` from now on. False: it is not held by `holder` any more, and does not move. */
  release(consumer: string, holder: string, position: string): Promise<boolean>;
}
