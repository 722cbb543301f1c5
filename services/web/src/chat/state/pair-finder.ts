/**
 * My pair (A9): finds it, keeps its history and ends it. Its messages are a thread like any other.
 */

import { createStore } from 'zustand/vanilla';
import type { Person } from '#libs/client/index.ts';
import { codeOf, mayWorkLater } from '../../conversation/error-code.ts';
import type { Timers } from '../../conversation/timers.ts';
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
  /** Nobody was free. `matched` follows. `unreached`: the hub did not answer and is asked again. */
  | { readonly is: 'waiting'; readonly unreached?: true }
  | { readonly is: 'paired'; readonly pair: Pair }
  | { readonly is: 'over'; readonly pair: Pair; readonly reason: 'mine' | 'closed' | 'expired' };

interface Match {
  readonly waiting?: true;
  readonly room?: string;
  readonly with?: Person;
  readonly expiresAt?: number;
}

/** Who may be paired on this hub, and whether I may be though I do not ask (A9). */
interface Findability {
  readonly pairing: 'waiting' | 'anyone';
  readonly findable: boolean;
}

/** Milliseconds after which the hub is asked again if it did not answer. */
const ASK_AGAIN_MS = 3_000;

/** The pair, or the search for one. */
interface PairSearchState {
  readonly state: PairState;
  /** Undefined until the hub tells. */
  readonly findability: Findability | undefined;
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
  readonly #timers: Timers;
  readonly #onRoom: (room: string) => void;
  readonly #store = createStore<PairSearchState>(() => ({
    state: { is: 'free' },
    findability: undefined,
    askedByMe: false,
    askedByOther: false,
    problem: undefined,
  }));
  readonly view: View<PairSearchState> = this.#store;
  /** The room that I am ending. */
  #ending: string | undefined;
  /** The last request about the search. The next one waits for it, so that they take effect in order. */
  #lastRequest: Promise<unknown> = Promise.resolve();
  #stopAskingAgain = (): void => undefined;

  /** `onRoom`: there is a pair, or a change of it, that the list of rooms does not have yet. */
  constructor(account: Pick<ChatAccount, 'call'>, timers: Timers, onRoom: (room: string) => void) {
    this.#account = account;
    this.#timers = timers;
    this.#onRoom = onRoom;
  }

  get state(): PairState {
    return this.#store.getState().state;
  }

  /** Asks for a partner. If the hub does not answer, asks again until it does. */
  async ask(keepHistory: boolean): Promise<void> {
    if (this.state.is === 'paired') return;
    this.#store.setState({ state: { is: 'asking' }, askedByMe: keepHistory, problem: undefined });
    await this.#look();
  }

  /** Stops waiting. */
  async stop(): Promise<void> {
    if (this.state.is !== 'waiting') return;
    this.#stopAskingAgain();
    this.#store.setState({ state: { is: 'free' }, problem: undefined });
    try {
      await this.#inTurn(async () => {
        if (this.state.is === 'free') await this.#account.call('DELETE', '/rooms/match');
      });
    } catch (error) {
      // A partner may have been found meanwhile, or another search begun.
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
    if (this.state.is === 'waiting') void this.#look();
  }

  /** Asks the hub whether I may be found. */
  async readFindability(): Promise<void> {
    try {
      this.#store.setState({ findability: (await this.#account.call('GET', '/rooms/match')) as Findability });
    } catch {
      // The next connection asks again.
    }
  }

  /** Says whether I may be found while I do not ask for a partner. */
  async setFindable(findable: boolean): Promise<void> {
    const { findability: before } = this.#store.getState();
    if (before === undefined) return;
    this.#store.setState({ findability: { ...before, findable }, problem: undefined });
    try {
      this.#store.setState({ findability: (await this.#account.call('PUT', '/rooms/match', { findable })) as Findability });
    } catch (error) {
      this.#store.setState({ findability: before, problem: codeOf(error) });
    }
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
    this.#stopAskingAgain();
    this.#store.setState({ state: { is: 'paired', pair: { room, with: other, expiresAt, keepsHistory: false } }, askedByOther: false });
    this.#onRoom(room);
    return true;
  }

  /** Takes the pair from the list of rooms. */
  listed(rooms: readonly Room[]): void {
    const room = rooms.find(({ kind, closedAt }) => kind === 'pair' && closedAt === undefined);
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

  #look(): Promise<void> {
    this.#stopAskingAgain();
    return this.#inTurn(() => this.#askOnce());
  }

  #inTurn(request: () => Promise<void>): Promise<void> {
    const done = this.#lastRequest.then(request);
    this.#lastRequest = done.catch(() => undefined);
    return done;
  }

  /** `matched` may arrive before the answer, and a person may stop waiting. */
  async #askOnce(): Promise<void> {
    if (!this.#isLooking) return;
    try {
      const { askedByMe: keepHistory } = this.#store.getState();
      const match = (await this.#account.call('POST', '/rooms/match', { keepHistory })) as Match;
      if (match.room !== undefined && match.with !== undefined) this.matched(match.room, match.with, match.expiresAt);
      else if (this.#isLooking) this.#store.setState({ state: { is: 'waiting' }, problem: undefined });
    } catch (error) {
      if (!this.#isLooking) return;
      const code = codeOf(error);
      if (!mayWorkLater(code)) return this.#store.setState({ state: { is: 'free' }, problem: code });
      this.#store.setState({ state: { is: 'waiting', unreached: true }, problem: undefined });
      this.#stopAskingAgain = this.#timers.after(ASK_AGAIN_MS, () => this.welcome());
    }
  }

  get #isLooking(): boolean {
    return this.state.is === 'asking' || this.state.is === 'waiting';
  }

  #isMine(room: string): boolean {
    return this.state.is === 'paired' && this.state.pair.room === room;
  }
}
