import type { Person } from '#libs/client/index.ts';

/** A message as the hub sends it. */
export interface Message {
  readonly id: string;
  readonly from: Person;
  readonly text: string;
  /** Unix milliseconds. */
  readonly at: number;
}

/** A message and its place in the room; rooms that keep nothing have no places. */
export interface PlacedMessage {
  readonly offset?: number | undefined;
  readonly message: Message;
}
