/** My pair (A9): looked for, found, kept and ended. Its messages are a thread like any other. */

import { createStore } from 'zustand/vanilla';
import type { Person } from '#libs/client/index.ts';
import { codeOf } from '../../conversation/error-code.ts';
import type { View } from '../../state/view.ts';
import type { ChatAccount } from './chat-client.ts';
import type { Room } from './room-list.ts';

/** A pair that there is or was. */
export interface Pair {
  readonly room: string;
  readonly with: Person;
  /** When it closes by itself, Unix milliseconds. */
  readonly expiresAt: number | undefined;
  /** Whether messages are stored: both asked for it. */
  readonly keepsHistory: boolean;
}

export type PairState =
  | { readonly is: 'free' }
  /** The hub is asked. */
  | { readonly is: 'asking' }
  /** Nobody is free: somebody will come. */
  | { readonly is: 'waiting' }
  | { readonly is: 'paired'; readonly pair: Pair }
  | { readonly is: 'over'; readonly pair: Pair; readonly reason: 'mine' | 'closed' | 'expired' };

interface Match {
  readonly waiting?: true;
  readonly room?: string;
  readonly with?: Person;
  readonly expiresAt?: number;
}

export interface PairSearchState {
  readonly state: PairState;
  /** I asked for the history to be kept. */
  readonly askedByMe: boolean;
  /** The other one asked for it. */
  readonly askedByOther: boolean;
  /** Code of what did not work the last time. */
  readonly problem: string | undefined;
}

export class PairFinder {
  readonly #account: Pick<ChatAccount, 'call'>;
  readonly #onRoom: (room: string) => void;
  readonly #store = createStore<PairSearchState>(() => ({
    state: { is: 'free' },
    askedByMe: false,
    askedByOther: false,
    problem: undefined,
  }));
  readonly view: View<PairSearchState> = this.#store;
  /** The room that I am ending. */
  #ending: string | undefined;

  /** `onRoom`: there is a pair, or a change of it, that the list of rooms does not show yet. */
  constructor(account: Pick<ChatAccount, 'call'>, onRoom: (room: string) => void) {
    this.#account = account;
    this.#onRoom = onRoom;
  }

  get state(): PairState {
    return this.#store.getState().state;
  }

  /** Asks for a partner. */
  async ask(keepHistory: boolean): Promise<void> {
    if (this.state.is === 'paired') return;
    this.#store.setState({ state: { is: 'asking' }, askedByMe: keepHistory, problem: undefined });
    try {
      const match = (await this.#account.call('POST', '/rooms/match', { keepHistory })) as Match;
      if (match.room !== undefined && match.with !== undefined) this.matched(match.room, match.with, match.expiresAt);
      else this.#waits();
    } catch (error) {
      this.#failed(error);
    }
  }

  /** Waits no longer. */
  async stop(): Promise<void> {
    if (this.state.is !== 'waiting') return;
    this.#store.setState({ state: { is: 'free' }, problem: undefined });
    try {
      await this.#account.call('DELETE', '/rooms/match');
    } catch (error) {
      // Somebody may have been found meanwhile.
      if (this.#store.getState().state.is !== 'free') return;
      this.#store.setState({ state: { is: 'waiting' }, problem: codeOf(error) });
    }
  }

  /** The hub tells that the other one wants the history kept, or that it is kept from now on. */
  history(room: string, keepHistory: 'asked' | 'kept'): void {
    if (!this.#isMine(room)) return;
    if (keepHistory === 'kept') this.#onRoom(room);
    else this.#store.setState({ askedByOther: true });
  }

  /** A new connection: who waits and was away for long was forgotten. */
  welcome(): void {
    if (this.state.is === 'waiting') void this.ask(this.#store.getState().askedByMe);
  }

  /** Asks that messages be kept from now on; they are once the other one asks, too. */
  async keep(): Promise<void> {
    this.#store.setState({ problem: undefined });
    try {
      await this.#account.call('POST', '/rooms/match', { keepHistory: true });
      this.#store.setState({ askedByMe: true });
      if (this.state.is === 'paired') this.#onRoom(this.state.pair.room);
    } catch (error) {
      this.#store.setState({ problem: codeOf(error) });
    }
  }

  /** Ends it for both. */
  async end(): Promise<void> {
    if (this.state.is !== 'paired') return;
    const { room } = this.state.pair;
    this.#store.setState({ problem: undefined });
    this.#ending = room;
    try {
      await this.#account.call('DELETE', `/rooms/${encodeURIComponent(room)}`);
    } catch (error) {
      // Over is what it should be.
      if (codeOf(error) !== 'ROOM_CLOSED') {
        this.#ending = undefined;
        return this.#store.setState({ problem: codeOf(error) });
      }
    }
    this.#over(room, 'mine');
  }

  /** The hub found somebody. True if that is news. */
  matched(room: string, other: Person, expiresAt?: number): boolean {
    if (this.#isMine(room)) return false;
    this.#store.setState({ state: { is: 'paired', pair: { room, with: other, expiresAt, keepsHistory: false } }, askedByOther: false });
    this.#onRoom(room);
    return true;
  }

  /** What the list of rooms says, as soon as it is read. */
  listed(rooms: readonly Room[]): void {
    const room = rooms.find(({ kind }) => kind === 'pair');
    if (room?.with !== undefined) {
      const { expiresAt, keepHistory, historyWish } = room;
      const known = this.#isMine(room.room);
      const { askedByMe, askedByOther, problem } = this.#store.getState();
      this.#store.setState({
        state: { is: 'paired', pair: { room: room.room, with: room.with, expiresAt, keepsHistory: keepHistory } },
        // A list that was read before somebody asked does not take it back.
        askedByMe: historyWish === 'mine' || (known && askedByMe),
        askedByOther: historyWish === 'theirs' || (known && askedByOther),
        problem: known ? problem : undefined,
      });
    } else if (this.state.is === 'paired') this.#over(this.state.pair.room, 'closed');
  }

  closed(room: string, reason: string): void {
    this.#over(room, reason === 'expired' ? 'expired' : 'closed');
  }

  #over(room: string, reason: 'mine' | 'closed' | 'expired'): void {
    if (this.state.is !== 'paired' || this.state.pair.room !== room) return;
    this.#store.setState({
      state: { is: 'over', pair: this.state.pair, reason: this.#ending === room ? 'mine' : reason },
      askedByMe: false,
      askedByOther: false,
      problem: undefined,
    });
  }

  /** `matched` may have come before the answer. */
  #waits(): void {
    if (this.state.is === 'asking') this.#store.setState({ state: { is: 'waiting' } });
  }

  #failed(error: unknown): void {
    if (this.state.is === 'asking') this.#store.setState({ state: { is: 'free' }, problem: codeOf(error) });
  }

  #isMine(room: string): boolean {
    return this.state.is === 'paired' && this.state.pair.room === room;
  }
}
