/** My pair (A9): looked for, found, kept and ended. What is said in it is a `Talk` like any other. */

import type { Person } from '#libs/client/index.ts';
import type { ChatAccount } from './chat-client.ts';
import { codeOf } from './error-code.ts';
import { Observable } from './observable.ts';
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

export class PairFinder extends Observable {
  readonly #account: Pick<ChatAccount, 'call'>;
  readonly #onRoom: (room: string) => void;
  #state: PairState = { is: 'free' };
  #wished = false;
  #asked = false;
  #problem: string | undefined;
  /** The room that I am ending. */
  #ending: string | undefined;

  /** `onRoom`: a pair was found that nobody told of by the list of rooms. */
  constructor(account: Pick<ChatAccount, 'call'>, onRoom: (room: string) => void) {
    super();
    this.#account = account;
    this.#onRoom = onRoom;
  }

  get state(): PairState {
    return this.#state;
  }

  /** I asked for the history to be kept. */
  get wished(): boolean {
    return this.#wished;
  }

  /** The other one asked for it. */
  get asked(): boolean {
    return this.#asked;
  }

  /** Code of what did not work the last time. */
  get problem(): string | undefined {
    return this.#problem;
  }

  /** Asks for a partner. */
  async ask(keepHistory: boolean): Promise<void> {
    if (this.#state.is === 'paired') return;
    this.#wished = keepHistory;
    this.#problem = undefined;
    this.#show({ is: 'asking' });
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
    if (this.#state.is !== 'waiting') return;
    this.#problem = undefined;
    this.#show({ is: 'free' });
    try {
      await this.#account.call('DELETE', '/rooms/match');
    } catch (error) {
      // Somebody may have been found meanwhile.
      if (this.state.is !== 'free') return;
      this.#problem = codeOf(error);
      this.#show({ is: 'waiting' });
    }
  }

  /** The hub tells that the other one wants the history kept, or that it is kept from now on. */
  history(room: string, keepHistory: 'asked' | 'kept'): void {
    if (!this.#isMine(room)) return;
    if (keepHistory === 'kept') this.#onRoom(room);
    else {
      this.#asked = true;
      this.changed();
    }
  }

  /** A new connection: who waits and was away for long was forgotten. */
  welcome(): void {
    if (this.#state.is === 'waiting') void this.ask(this.#wished);
  }

  /** Asks that messages be kept from now on; they are once the other one asks, too. */
  async keep(): Promise<void> {
    this.#problem = undefined;
    try {
      await this.#account.call('POST', '/rooms/match', { keepHistory: true });
      this.#wished = true;
      if (this.#state.is === 'paired') this.#onRoom(this.#state.pair.room);
    } catch (error) {
      this.#problem = codeOf(error);
    }
    this.changed();
  }

  /** Ends it for both. */
  async end(): Promise<void> {
    if (this.#state.is !== 'paired') return;
    const { room } = this.#state.pair;
    this.#problem = undefined;
    this.#ending = room;
    try {
      await this.#account.call('DELETE', `/rooms/${encodeURIComponent(room)}`);
    } catch (error) {
      // Over is what it should be.
      if (codeOf(error) !== 'ROOM_CLOSED') {
        this.#problem = codeOf(error);
        this.#ending = undefined;
        return this.changed();
      }
    }
    this.#over(room, 'mine');
  }

  /** The hub found somebody. True where that is news. */
  matched(room: string, other: Person, expiresAt?: number): boolean {
    if (this.#isMine(room)) return false;
    this.#asked = false;
    this.#show({ is: 'paired', pair: { room, with: other, expiresAt, keepsHistory: false } });
    this.#onRoom(room);
    return true;
  }

  /** What the list of rooms says, as soon as it is read. */
  listed(rooms: readonly Room[]): void {
    const room = rooms.find(({ kind }) => kind === 'pair');
    if (room?.with !== undefined) {
      const { expiresAt, keepHistory, historyWish } = room;
      const known = this.#isMine(room.room);
      if (!known) this.#problem = undefined;
      // A list that was read before somebody asked does not take it back.
      this.#wished = historyWish === 'mine' || (known && this.#wished);
      this.#asked = historyWish === 'theirs' || (known && this.#asked);
      this.#show({ is: 'paired', pair: { room: room.room, with: room.with, expiresAt, keepsHistory: keepHistory } });
    } else if (this.#state.is === 'paired') this.#over(this.#state.pair.room, 'closed');
  }

  closed(room: string, reason: string): void {
    this.#over(room, reason === 'expired' ? 'expired' : 'closed');
  }

  #over(room: string, reason: 'mine' | 'closed' | 'expired'): void {
    if (this.#state.is !== 'paired' || this.#state.pair.room !== room) return;
    this.#wished = false;
    this.#asked = false;
    this.#problem = undefined;
    this.#show({ is: 'over', pair: this.#state.pair, reason: this.#ending === room ? 'mine' : reason });
  }

  /** `matched` may have come before the answer. */
  #waits(): void {
    if (this.#state.is === 'asking') this.#show({ is: 'waiting' });
  }

  #failed(error: unknown): void {
    if (this.#state.is !== 'asking') return;
    this.#problem = codeOf(error);
    this.#show({ is: 'free' });
  }

  #isMine(room: string): boolean {
    return this.#state.is === 'paired' && this.#state.pair.room === room;
  }

  #show(state: PairState): void {
    this.#state = state;
    this.changed();
  }
}
