/** The park and my rooms: what they are, who is there, and what is unread. */
import { createStore } from 'zustand/vanilla';
import type { Person } from '#libs/client/index.ts';
import type { ListedRoomKind } from '#libs/protocol/room-kinds.ts';
import { codeOf } from '../../conversation/error-code.ts';
import { PagedList, pathAfter } from '../../list/paged-list.ts';
import type { View } from '../../state/view.ts';
import type { ChatAccount } from './chat-client.ts';

/** A room as `GET /rooms` gives it (A8). */
export interface Room {
  readonly room: string;
  readonly kind: ListedRoomKind;
  readonly name: string;
  readonly owner?: string;
  readonly with?: Person;
  readonly keepHistory: boolean;
  /** Of a pair that keeps no history yet: who asked for it. */
  readonly historyWish?: 'mine' | 'theirs';
  /** Unix milliseconds. */
  readonly expiresAt?: number;
  /** Distinct users in it now; of a private room its members who are online. */
  readonly count: number;
  readonly members?: number;
  /** The highest offset known. */
  readonly offset: number;
  readonly unread: number;
}

export interface RoomListState {
  /** The park first, then those with the newest activity. */
  readonly rooms: readonly Room[];
  readonly loaded: boolean;
  /** Code of what kept the list from being read the last time. */
  readonly problem: string | undefined;
  /** There are rooms beyond those that are shown. */
  readonly more: boolean;
}

export class RoomList {
  readonly #list: PagedList<Room>;
  readonly #store = createStore<RoomListState>(() => ({ rooms: [], loaded: false, problem: undefined, more: false }));
  readonly view: View<RoomListState> = this.#store;
  /** Highest offset that was seen here; the hub learns of it a little later. */
  readonly #seen = new Map<string, number>();
  #loading: Promise<void> | undefined;
  #again = false;

  constructor(account: Pick<ChatAccount, 'call'>) {
    this.#list = new PagedList(async (after) => {
      const { rooms, next } = (await account.call('GET', pathAfter('/rooms', after))) as {
        readonly rooms: readonly Room[];
        readonly next?: string;
      };
      return { items: rooms, next };
    });
  }

  get rooms(): readonly Room[] {
    return this.#store.getState().rooms;
  }

  /** Unread messages of all rooms. */
  get unread(): number {
    return this.rooms.reduce((sum, { unread }) => sum + unread, 0);
  }

  get(room: string): Room | undefined {
    return this.rooms.find((one) => one.room === room);
  }

  /** The room of direct messages with somebody. */
  directWith(user: string): Room | undefined {
    return this.rooms.find(({ kind, with: other }) => kind === 'dm' && other?.id === user);
  }

  /** Reads the list; asked for while it is being read, it is read once more after that. Resolves when it is up to date or could not be read. */
  load(): Promise<void> {
    this.#again = this.#loading !== undefined;
    this.#loading ??= this.#read().finally(() => {
      this.#loading = undefined;
    });
    return this.#loading;
  }

  /** Shows one page more. */
  extend(): Promise<void> {
    this.#list.extend();
    return this.load();
  }

  /** A message came: counted where it is neither mine nor seen. False if the room is not known. */
  arrived(room: string, offset: number | undefined, { mine, seen }: { readonly mine: boolean; readonly seen: boolean }): boolean {
    const known = this.get(room);
    if (known === undefined) return false;
    // What is not above the highest offset was counted by the hub when the list was read.
    if (offset !== undefined && offset <= known.offset) return true;
    const next = { ...known, offset: offset ?? known.offset, unread: seen ? 0 : known.unread + (mine ? 0 : 1) };
    const rest = this.rooms.filter((one) => one.room !== room);
    const index = next.kind === 'park' || rest[0]?.kind !== 'park' ? 0 : 1;
    this.#show(rest.toSpliced(index, 0, next));
    return true;
  }

  /** The room's sequence begins anew at this offset. */
  restarted(room: string, offset: number): void {
    this.#seen.delete(room);
    this.#change(room, { offset });
  }

  counted(room: string, count: number): void {
    this.#change(room, { count });
  }

  /** Everything in it was seen. */
  read(room: string): void {
    const known = this.get(room);
    if (known === undefined) return;
    this.#seen.set(room, known.offset);
    if (known.unread > 0) this.#change(room, { unread: 0 });
  }

  remove(room: string): void {
    this.#show(this.rooms.filter((one) => one.room !== room));
  }

  async #read(): Promise<void> {
    do {
      this.#again = false;
      try {
        const rooms = await this.#list.load();
        this.#store.setState({ rooms: rooms.map((room) => this.#merged(room)), loaded: true, problem: undefined, more: this.#list.more });
      } catch (error) {
        this.#store.setState({ problem: codeOf(error) });
      }
    } while (this.#again);
  }

  /** What came while the answer was under way is not forgotten; what the hub does not count is kept. */
  #merged(room: Room): Room {
    const known = this.get(room.room);
    if (known === undefined) return room;
    const counted = room.kind !== 'park' && room.keepHistory && room.offset >= known.offset;
    // Offsets have no holes: above what was seen here there cannot be more than this.
    if (counted) return { ...room, unread: Math.min(room.unread, Math.max(0, room.offset - (this.#seen.get(room.room) ?? 0))) };
    return { ...room, offset: Math.max(room.offset, known.offset), unread: known.unread };
  }

  #change(room: string, change: Partial<Room>): void {
    if (this.get(room) !== undefined) this.#show(this.rooms.map((one) => (one.room === room ? { ...one, ...change } : one)));
  }

  #show(rooms: readonly Room[]): void {
    this.#store.setState({ rooms });
  }
}
