/** What a thread needs, and what it shows. */

import type { ParleyClient, Person } from '#libs/client/index.ts';
import type { FindEnded } from './earlier-conversations.ts';
import type { Beyond } from './message-window.ts';
import type { OutboxEntry } from './outbox.ts';
import type { Message, TimelineItem } from './timeline.ts';
import type { Timers } from './timers.ts';
import type { UnsentTexts } from './unsent-texts.ts';

/** The part of the client that a thread uses. */
type ThreadClient = Pick<ParleyClient, 'newId' | 'join' | 'leave' | 'send' | 'discard' | 'history' | 'typing'>;

/** The result of the client's `send`. */
export type Acked = Awaited<ReturnType<ThreadClient['send']>>;

/** What a thread needs. */
export interface ThreadOptions {
  readonly client: ThreadClient;
  readonly me: Person;
  readonly timers: Timers;
  /** Undefined: there is no room yet. The first message makes it. */
  readonly room?: string;
  /**
   * Sends a message. `room` is undefined while there is none. The result names the room. Default: the
   * client sends it to the room.
   */
  readonly send?: (room: string | undefined, id: string, text: string) => Promise<Acked>;
  /** Called with the room that the first message made. */
  readonly onRoom?: (room: string) => void;
  /** Keeps what is not sent yet over a reload. */
  readonly unsent?: UnsentTexts;
  /** Where `unsent` keeps the texts of this thread. Default: `room`. */
  readonly place?: string;
  /** Whether the room stores messages. If so, its offsets never fall (M3). */
  readonly keepsHistory: boolean;
  /** Finds ended conversations whose messages stand above those of the room. */
  readonly earlier?: FindEnded;
}

/** `idle`: not joined yet. `refused`: cannot be joined, see `code`. `over`: closed, see `code`. */
export type ThreadStatus = 'idle' | 'opening' | 'open' | 'refused' | 'over';

/** The state that the pages show of a thread. */
export interface ThreadState {
  /** Undefined before the first message. */
  readonly room: string | undefined;
  readonly status: ThreadStatus;
  /** Why it was refused or closed. */
  readonly code: string | undefined;
  readonly items: readonly TimelineItem[];
  readonly outbox: readonly OutboxEntry[];
  /** What the hub has above `items`. */
  readonly older: Beyond;
  /** What the hub has below `items`. */
  readonly newer: Beyond;
  /** The newest message. It need not be in `items`. */
  readonly newest: Message | undefined;
  /** Id of the first message that was new when the room was opened. */
  readonly firstNew: string | undefined;
  /** The number of new messages, if the first of them is above `items`. Otherwise 0. */
  readonly newAbove: number;
  /** The number of messages of others below what the reader has seen. */
  readonly newBelow: number;
  /** Where the view goes. Each object is obeyed once. */
  readonly aim: { readonly at: 'firstNew' | 'end' } | undefined;
  readonly typing: readonly Person[];
}

/** The state of a thread that has no room yet. */
export const NO_ROOM: ThreadState = {
  room: undefined,
  status: 'open',
  code: undefined,
  items: [],
  outbox: [],
  older: 'none',
  newer: 'none',
  newest: undefined,
  firstNew: undefined,
  newAbove: 0,
  newBelow: 0,
  aim: undefined,
  typing: [],
};
