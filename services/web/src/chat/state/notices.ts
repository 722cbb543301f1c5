import type { Person } from '#libs/client/index.ts';
import { Observable } from './observable.ts';

/** Something to be told that belongs to no conversation. */
export type NoticeContent =
  /** A service says it (A11). */
  | { readonly kind: 'inform'; readonly text: string }
  | { readonly kind: 'paired'; readonly with: Person }
  | { readonly kind: 'added'; readonly room: string; readonly name: string }
  | { readonly kind: 'removed'; readonly name: string };

export type Notice = NoticeContent & { readonly id: number };

const SHOWN_MAX = 3;

/** What is told at the moment: the newest few, until they are closed. */
export class Notices extends Observable {
  #notices: readonly Notice[] = [];
  #count = 0;

  get all(): readonly Notice[] {
    return this.#notices;
  }

  tell(content: NoticeContent): void {
    this.#count += 1;
    this.#notices = [...this.#notices, { ...content, id: this.#count }].slice(-SHOWN_MAX);
    this.changed();
  }

  close(id: number): void {
    this.#notices = this.#notices.filter((notice) => notice.id !== id);
    this.changed();
  }
}
