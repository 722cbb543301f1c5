import { createStore } from 'zustand/vanilla';
import type { Person } from '#libs/client/index.ts';
import type { Timers } from '../../conversation/timers.ts';
import type { View } from '../../state/view.ts';
import type { Room } from './room-list.ts';

/** A notice that belongs to no room in view. */
type NoticeContent =
  /** Sent by a service (A11). */
  | { readonly kind: 'inform'; readonly text: string }
  | { readonly kind: 'paired'; readonly with: Person }
  | { readonly kind: 'added'; readonly room: string; readonly name: string }
  | { readonly kind: 'removed'; readonly name: string }
  /** Somebody wrote to me in another room than the one in view. */
  | { readonly kind: 'message'; readonly to: Pick<Room, 'room' | 'kind' | 'with'>; readonly from: Person; readonly text: string };

/** A notice on the page. */
export type Notice = NoticeContent & { readonly id: number };

/** What holds a notice: the pointer over it, or the focus in it. */
type Hold = 'pointer' | 'focus';

const SHOWN_MAX = 3;
/** Milliseconds for which a notice is shown. */
const SHOWN_MS = 6_000;

/**
 * The newest notices. Each goes by itself after `SHOWN_MS`. That time begins again after a hold, and
 * when the page becomes visible.
 */
export class Notices {
  readonly #timers: Pick<Timers, 'after'>;
  readonly #store = createStore<readonly Notice[]>(() => []);
  readonly view: View<readonly Notice[]> = this.#store;
  readonly #holds = new Map<number, Set<Hold>>();
  readonly #clocks = new Map<number, () => void>();
  #visible = true;
  #count = 0;

  constructor(timers: Pick<Timers, 'after'>) {
    this.#timers = timers;
  }

  /** Shows a notice. A message replaces the one before of the same room. */
  add(content: NoticeContent): void {
    this.#count += 1;
    const notice = { ...content, id: this.#count };
    if (content.kind === 'message') this.closeRoom(content.to.room);
    const all = [...this.#store.getState(), notice];
    for (const { id } of all.slice(0, -SHOWN_MAX)) this.#forget(id);
    this.#store.setState(all.slice(-SHOWN_MAX), true);
    this.#start(notice.id);
  }

  close(id: number): void {
    this.#forget(id);
    this.#store.setState((all) => all.filter((notice) => notice.id !== id), true);
  }

  /** The room is in view: its messages need no notice. */
  closeRoom(room: string): void {
    for (const notice of this.#store.getState()) if (notice.kind === 'message' && notice.to.room === room) this.close(notice.id);
  }

  /** Keeps a notice until `release`. */
  hold(id: number, hold: Hold): void {
    this.#holds.set(id, (this.#holds.get(id) ?? new Set()).add(hold));
    this.#start(id);
  }

  release(id: number, hold: Hold): void {
    this.#holds.get(id)?.delete(hold);
    this.#start(id);
  }

  /** The page was shown or hidden. Nobody reads a notice of a hidden page. */
  setVisible(visible: boolean): void {
    this.#visible = visible;
    for (const { id } of this.#store.getState()) this.#start(id);
  }

  #start(id: number): void {
    this.#clocks.get(id)?.();
    this.#clocks.delete(id);
    const isHeld = (this.#holds.get(id)?.size ?? 0) > 0;
    if (this.#visible && !isHeld)
      this.#clocks.set(
        id,
        this.#timers.after(SHOWN_MS, () => this.close(id)),
      );
  }

  #forget(id: number): void {
    this.#clocks.get(id)?.();
    this.#clocks.delete(id);
    this.#holds.delete(id);
  }
}
