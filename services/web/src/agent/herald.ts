/** What an agent is told of while nobody looks at the page. */
import type { Person } from '#libs/client/index.ts';
import type { Conversation, WorkbenchView } from './workbench-view.ts';

/** Something new in a conversation. */
export interface News {
  readonly room: string;
  readonly customer: Person;
  /** What was said last, or what it is about. */
  readonly text: string;
}

export interface HeraldOptions {
  /** Whether the page is in view. */
  readonly visible: () => boolean;
  readonly tell: (news: News) => void;
}

/** Holds each view of the workbench against the one before: conversations that begin to wait, that become mine, and what customers say in mine. */
export class Herald {
  readonly #options: HeraldOptions;
  /** How much was unread, by conversation and whether it waits or is mine; undefined until the workbench was looked at once. */
  #known: ReadonlyMap<string, number> | undefined;

  constructor(options: HeraldOptions) {
    this.#options = options;
  }

  /** The workbench shows this now. */
  look({ phase, mine, waiting }: Pick<WorkbenchView, 'phase' | 'mine' | 'waiting'>): void {
    const visible = this.#options.visible();
    const before = this.#known;
    if (phase !== 'desk') this.#known = undefined;
    if (phase !== 'desk' || (before === undefined && !visible)) return;
    const now = new Map<string, number>();
    const compare = (kind: 'mine' | 'waiting', conversation: Conversation, unread: number, said: string | undefined) => {
      const key = `${kind} ${conversation.room}`;
      now.set(key, unread);
      const known = before?.get(key);
      if (visible || (known !== undefined && unread <= known)) return;
      this.#options.tell({ room: conversation.room, customer: conversation.customer, text: said ?? conversation.subject });
    };
    for (const { conversation, unread, last } of mine) compare('mine', conversation, unread, last?.text);
    for (const conversation of waiting) compare('waiting', conversation, 0, undefined);
    this.#known = now;
  }
}
