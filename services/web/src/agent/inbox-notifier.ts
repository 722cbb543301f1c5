/** Notifies an agent of news while the page is hidden. */
import type { Person } from '#libs/client/index.ts';
import type { Conversation, WorkbenchView } from './workbench-view.ts';

/** News of one conversation. */
export interface News {
  readonly room: string;
  readonly customer: Person;
  /** The newest message, or the subject if there is none. */
  readonly text: string;
}

interface InboxNotifierOptions {
  /** Whether the page is visible. */
  readonly visible: () => boolean;
  readonly notify: (news: News) => void;
}

/**
 * Compares each state of the workbench with the one before. Reports conversations that begin to
 * wait or become mine, and new messages in mine. The first state is only remembered.
 */
export class InboxNotifier {
  readonly #options: InboxNotifierOptions;
  /** Unread messages by `mine <room>` or `waiting <room>`. Undefined before the first state. */
  #known: ReadonlyMap<string, number> | undefined;

  constructor(options: InboxNotifierOptions) {
    this.#options = options;
  }

  /** The caller calls this after each change of the workbench. */
  update({ phase, mine, waiting }: Pick<WorkbenchView, 'phase' | 'mine' | 'waiting'>): void {
    const visible = this.#options.visible();
    const before = this.#known;
    if (phase !== 'inbox') this.#known = undefined;
    if (phase !== 'inbox' || (before === undefined && !visible)) return;
    const now = new Map<string, number>();
    const compare = (kind: 'mine' | 'waiting', conversation: Conversation, unread: number, newest: string | undefined) => {
      const key = `${kind} ${conversation.room}`;
      now.set(key, unread);
      const known = before?.get(key);
      if (visible || (known !== undefined && unread <= known)) return;
      this.#options.notify({ room: conversation.room, customer: conversation.customer, text: newest ?? conversation.subject });
    };
    for (const { conversation, unread, last } of mine) compare('mine', conversation, unread, last);
    for (const conversation of waiting) compare('waiting', conversation, 0, undefined);
    this.#known = now;
  }
}
