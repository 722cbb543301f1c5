/** What the pages of the workbench show. */
import type { ClientStatus, Person } from '#libs/client/index.ts';
import type { Thread } from '../conversation/thread.ts';

/** A conversation as the API has it. */
export interface Conversation {
  readonly room: string;
  readonly state: 'queued' | 'assigned' | 'closed';
  readonly subject: string;
  readonly customer: Person;
  readonly agent?: Person;
  /** Unix milliseconds. */
  readonly createdAt: number;
}

/** With what is known of its customer. */
export interface Details extends Conversation {
  readonly channel?: string;
  readonly metadata?: Readonly<Record<string, unknown>>;
}

/** One of mine, as the list shows it. */
export interface Entry {
  readonly conversation: Conversation;
  readonly unread: number;
  /** The newest text in it. */
  readonly last: string | undefined;
  readonly typing: Person | undefined;
}

/** What is in view on the right. */
export interface Current {
  readonly details: Details;
  /** Its messages, if it is mine, or was when it ended. */
  readonly thread: Thread | undefined;
}

/** The lists that are shown page by page. An agent's own open conversations are shown in full. */
export type PagedName = 'waiting' | 'others' | 'ended';

export interface WorkbenchView {
  readonly phase: 'starting' | 'login' | 'inbox' | 'unreachable';
  /** Why the login failed or ended: a code of the error table. */
  readonly loginError: string | undefined;
  readonly me: Person | undefined;
  /** How the client stands with the hub. */
  readonly status: ClientStatus;
  readonly mine: readonly Entry[];
  readonly waiting: readonly Conversation[];
  readonly others: readonly Conversation[];
  /** Those of mine that are over, the newest first. */
  readonly ended: readonly Entry[];
  /** Of which lists there is more than is shown. */
  readonly more: Readonly<Record<PagedName, boolean>>;
  readonly current: Current | undefined;
  /** Colleagues who are online: a conversation can be given to them. */
  readonly colleagues: readonly Person[];
  /** Why what was asked last did not happen: a code of the error table. */
  readonly failure: string | undefined;
  readonly limit: number;
}
