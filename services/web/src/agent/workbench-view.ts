/** The state that the workbench's pages show. */
import type { ClientStatus, Person } from '#libs/client/index.ts';
import type { Thread } from '../conversation/thread.ts';
import type { BanFacts } from '../login/ban-text.ts';

/** A conversation as the API returns it. */
export interface Conversation {
  readonly room: string;
  readonly state: 'queued' | 'assigned' | 'closed';
  readonly subject: string;
  readonly customer: Person;
  readonly agent?: Person;
  /** Unix milliseconds. */
  readonly createdAt: number;
  /** Unix milliseconds. Absent while it is open. */
  readonly endedAt?: number;
  /** Absent if the hub cannot tell. */
  readonly customerOnline?: boolean;
}

/** A conversation with the facts about its customer. */
export interface Details extends Conversation {
  readonly channel?: string;
  readonly metadata?: Readonly<Record<string, unknown>>;
}

/** One of my conversations, as a list shows it. */
export interface InboxEntry {
  readonly conversation: Conversation;
  readonly unread: number;
  /** The newest message. */
  readonly last: string | undefined;
  readonly typing: Person | undefined;
}

/** The conversation in view. */
export interface Current {
  readonly details: Details;
  /** Its messages, if it is mine or was mine when it ended. */
  readonly thread: Thread | undefined;
}

/**
 * The lists that are read page by page. An agent's own open conversations are always shown in full.
 */
export type PagedName = 'waiting' | 'others' | 'ended';

/** Why an agent's login failed or ended. */
export interface LoginProblem {
  /** An error code of the hub. */
  readonly code: string;
  /** With `BANNED`. */
  readonly ban?: BanFacts | undefined;
  /** Seconds, if the hub gave any. */
  readonly retryAfter?: number | undefined;
}

/** The state of the workbench. */
export interface WorkbenchView {
  readonly phase: 'starting' | 'login' | 'inbox' | 'unreachable';
  /** Why the login failed or ended. */
  readonly loginError: LoginProblem | undefined;
  readonly me: Person | undefined;
  /** The state of the connection to the hub. */
  readonly status: ClientStatus;
  readonly mine: readonly InboxEntry[];
  readonly waiting: readonly Conversation[];
  readonly others: readonly Conversation[];
  /** My ended conversations, newest first. */
  readonly ended: readonly InboxEntry[];
  /** Which lists have more pages. */
  readonly more: Readonly<Record<PagedName, boolean>>;
  readonly current: Current | undefined;
  /** The colleagues online. An agent can transfer a conversation to one of them. */
  readonly colleagues: readonly Person[];
  /** Why the last request failed: an error code of the hub. */
  readonly failure: string | undefined;
  readonly limit: number;
}
