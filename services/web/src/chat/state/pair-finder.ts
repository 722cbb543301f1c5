/**
 * My pair (A9): finds it, keeps its history and ends it. Its messages are a thread like any other.
 */

import { createStore } from 'zustand/vanilla';
import type { Person } from '#libs/client/index.ts';
import { codeOf } from '../../conversation/error-code.ts';
import type { View } from '../../state/view.ts';
import type { ChatAccount } from './chat-client.ts';
import type { Room } from './room-list.ts';

/** A present or past pair. */
export interface Pair {
  readonly room: string;
  readonly with: Person;
  /** When the hub ends it, Unix milliseconds. */
  readonly expiresAt: number | undefined;
  /** Whether messages are stored, because both asked for it. */
  readonly keepsHistory: boolean;
}

/** `over`: the last pair, until the next search. */
type PairState =
  | { readonly is: 'free' }
  /** The request is running. */
  | { readonly is: 'asking' }
  /** Nobody was free. `matched` follows. */
  | { readonly is: 'waiting' }
  | { readonly is: 'paired'; readonly pair: Pair }
  | { readonly is: 'over'; readonly pair: Pair; readonly reason: 'mine' | 'closed' | 'expired' };

interface Match {
  readonly waiting?: true;
  readonly room?: string;
  readonly with?: Person;
  readonly expiresAt?: number;
}

/** The pair, or the search for one. */
interface PairSearchState {
  readonly state: PairState;
  /** I asked to keep the history. */
  readonly askedByMe: boolean;
  /** My partner asked to keep the history. */
  readonly askedByOther: boolean;
  /** Code of the last failure. */
  readonly problem: string | undefined;
}

/** Finds a pair and keeps its state. No method rejects. */
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

  /** `onRoom`: there is a pair, or a change of it, that the list of rooms does not have yet. */
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
      else this.#wait();
    } catch (error) {
      this.#failed(error);
    }
  }

  /** Stops waiting. */
  async stop(): Promise<void> {
    if (this.state.is !== 'waiting') return;
    this.#store.setState({ state: { is: 'free' }, problem: undefined });
    try {
      await this.#account.call('DELETE', '/rooms/match');
    } catch (error) {
      // A partner may have been found meanwhile.
      if (this.#store.getState().state.is !== 'free') return;
      this.#store.setState({ state: { is: 'waiting' }, problem: codeOf(error) });
    }
  }

  /** My partner asked to keep the history, or it is kept from now on. */
  historyChanged(room: string, keepHistory: 'asked' | 'kept'): void {
    if (!this.#isMine(room)) return;
    if (keepHistory === 'kept') this.#onRoom(room);
    else this.#store.setState({ askedByOther: true });
  }

  /** The connection is new. While it was away, the hub may have stopped waiting for me. */
  welcome(): void {
    if (this.state.is === 'waiting') void this.ask(this.#store.getState().askedByMe);
  }

  /** Asks to keep the history. It is kept once both have asked. */
  async askForHistory(): Promise<void> {
    this.#store.setState({ problem: undefined });
    try {
      await this.#account.call('POST', '/rooms/match', { keepHistory: true });
      this.#store.setState({ askedByMe: true });
      if (this.state.is === 'paired') this.#onRoom(this.state.pair.room);
    } catch (error) {
      this.#store.setState({ problem: codeOf(error) });
    }
  }

  /** Ends the pair for both. */
  async end(): Promise<void> {
    if (this.state.is !== 'paired') return;
    const { room } = this.state.pair;
    this.#store.setState({ problem: undefined });
    this.#ending = room;
    try {
      await this.#account.call('DELETE', `/rooms/${encodeURIComponent(room)}`);
    } catch (error) {
      // A room that is closed already is what was asked for.
      if (codeOf(error) !== 'ROOM_CLOSED') {
        this.#ending = undefined;
        return this.#store.setState({ problem: codeOf(error) });
      }
    }
    this.#over(room, 'mine');
  }

  /** The hub found a partner. Returns true if that is new. */
  matched(room: string, other: Person, expiresAt?: number): boolean {
    if (this.#isMine(room)) return false;
    this.#store.setState({ state: { is: 'paired', pair: { room, with: other, expiresAt, keepsHistory: false } }, askedByOther: false });
    this.#onRoom(room);
    return true;
  }

  /** Takes the pair from the list of rooms. */
  listed(rooms: readonly Room[]): void {
    const room = rooms.find(({ kind }) => kind === 'pair');
    if (room?.with !== undefined) {
      const { expiresAt, keepHistory, historyWish } = room;
      const known = this.#isMine(room.room);
      const { askedByMe, askedByOther, problem } = this.#store.getState();
      this.#store.setState({
        state: { is: 'paired', pair: { room: room.room, with: room.with, expiresAt, keepsHistory: keepHistory } },
        // The list may be older than a request to keep the history. Then the request stays.
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

  /** `matched` may have arrived before the answer. */
  #wait(): void {
    if (this.state.is === 'asking') this.#store.setState({ state: { is: 'waiting' } });
  }

  #failed(error: unknown): void {
    if (this.state.is === 'asking') this.#store.setState({ state: { is: 'free' }, problem: codeOf(error) });
  }

  #isMine(room: string): boolean {
    return this.state.is === 'paired' && this.state.pair.room === room;
  }
}
