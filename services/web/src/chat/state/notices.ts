import { createStore } from 'zustand/vanilla';
import type { Person } from '#libs/client/index.ts';
import type { View } from '../../state/view.ts';

/** A notice that belongs to no room. */
type NoticeContent =
  /** Sent by a service (A11). */
  | { readonly kind: 'inform'; readonly text: string }
  | { readonly kind: 'paired'; readonly with: Person }
  | { readonly kind: 'added'; readonly room: string; readonly name: string }
  | { readonly kind: 'removed'; readonly name: string };

/** A notice on the page. */
export type Notice = NoticeContent & { readonly id: number };

const SHOWN_MAX = 3;

/** The newest notices, until the person closes them. */
export class Notices {
  readonly #store = createStore<readonly Notice[]>(() => []);
  readonly view: View<readonly Notice[]> = this.#store;
  #count = 0;

  add(content: NoticeContent): void {
    this.#count += 1;
    this.#store.setState((all) => [...all, { ...content, id: this.#count }].slice(-SHOWN_MAX), true);
  }

  close(id: number): void {
    this.#store.setState((all) => all.filter((notice) => notice.id !== id), true);
  }
}
