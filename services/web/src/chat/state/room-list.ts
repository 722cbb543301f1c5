/** The park and my rooms, with the people in them and the unread messages. */
import { createStore } from 'zustand/vanilla';
import type { Person } from '#libs/client/index.ts';
import type { ListedRoomKind } from '#libs/protocol/room-kinds.ts';
import { codeOf } from '../../conversation/error-code.ts';
import { PagedList, pathAfter } from '../../list/paged-list.ts';
import type { View } from '../../state/view.ts';
import type { ChatAccount } from './chat-client.ts';

/** A room as `GET /rooms` returns it (A8). */
export interface Room {
  readonly room: string;
  readonly kind: ListedRoomKind;
  readonly name: string;
  readonly owner?: string;
  readonly with?: Person;
  readonly keepHistory: boolean;
  /** Who asked to keep the history of a pair that does not keep it yet. */
  readonly historyWish?: 'mine' | 'theirs';
  /** Unix milliseconds. */
  readonly expiresAt?: number;
  /** Only of a pair that kept history and ended. */
  readonly closedAt?: number;
  /** Distinct users in the room. In a private room, members online. */
  readonly count: number;
  readonly members?: number;
  /** Highest known offset. */
  readonly offset: number;
  readonly unread: number;
  /** The offset up to which its messages were delivered to me. Only in rooms that keep history. */
  readonly delivered?: number;
}

/** The list of rooms. */
interface RoomListState {
  /** The park first, then the newest activity first. */
  readonly rooms: readonly Room[];
  readonly loaded: boolean;
  /** Code of the last failure to read the list. */
  readonly problem: string | undefined;
  /** There are more rooms than shown. */
  readonly more: boolean;
}

/** The list of rooms, merged with what arrives over the connection. */
export class RoomList {
  readonly #list: PagedList<Room>;
  readonly #store = createStore<RoomListState>(() => ({ rooms: [], loaded: false, problem: undefined, more: false }));
  readonly view: View<RoomListState> = this.#store;
  /** Highest offset read here, by room. The hub learns it a little later. */
  readonly #seen = new Map<string, number>();
  #loading: Promise<void> | undefined;
  #again = false;

  constructor(account: Pick<ChatAccount, 'call'>) {
    this.#list = new PagedList(async (after) => {
      const { rooms, next } = (await account.call('GET', pathAfter('/rooms?ended=true', after))) as {
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

  /** Unread messages of my own rooms: all but the park, where nobody writes to me alone. */
  get unreadForMe(): number {
    return this.rooms.reduce((sum, { kind, unread }) => sum + (kind === 'park' ? 0 : unread), 0);
  }

  get(room: string): Room | undefined {
    return this.rooms.find((one) => one.room === room);
  }

  /** The room of direct messages with a person. */
  directWith(user: string): Room | undefined {
    return this.rooms.find(({ kind, with: other }) => kind === 'dm' && other?.id === user);
  }

  /**
   * Reads the list. A call during a read causes one more read. Resolves when the list is up to date
   * or could not be read.
   */
  load(): Promise<void> {
    this.#again = this.#loading !== undefined;
    this.#loading ??= this.#read().finally(() => {
      this.#loading = undefined;
    });
    return this.#loading;
  }

  /** Shows one more page. */
  extend(): Promise<void> {
    this.#list.extend();
    return this.load();
  }

  /**
   * Counts a message as unread if it is neither mine nor seen. Returns false if the list does not
   * have the room.
   */
  arrived(room: string, offset: number | undefined, { mine, seen }: { readonly mine: boolean; readonly seen: boolean }): boolean {
    const known = this.get(room);
    if (known === undefined) return false;
    // The hub counted messages up to the highest offset when it sent the list.
    if (offset !== undefined && offset <= known.offset) return true;
    const next = { ...known, offset: offset ?? known.offset, unread: seen ? 0 : known.unread + (mine ? 0 : 1) };
    const rest = this.rooms.filter((one) => one.room !== room);
    const index = next.kind === 'park' || rest[0]?.kind !== 'park' ? 0 : 1;
    this.#show(rest.toSpliced(index, 0, next));
    return true;
  }

  /** The room's sequence restarts at this offset. */
  restarted(room: string, offset: number): void {
    this.#seen.delete(room);
    this.#change(room, { offset });
  }

  counted(room: string, count: number): void {
    this.#change(room, { count });
  }

  /** Marks all messages of the room as read. */
  read(room: string): void {
    const known = this.get(room);
    if (known === undefined) return;
    this.#seen.set(room, known.offset);
    if (known.unread > 0) this.#change(room, { unread: 0 });
  }

  /** Highest offset that is not new. Undefined if that is not known. */
  readUpTo(room: string): number | undefined {
    const delivered = this.get(room)?.delivered;
    const seen = this.#seen.get(room);
    return delivered === undefined ? seen : Math.max(delivered, seen ?? 0);
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

  /** Keeps what arrived while the list was read, and what the hub does not count. */
  #merged(room: Room): Room {
    const known = this.get(room.room);
    // The hub does not count the park. What was there before this page is not new.
    if (room.kind === 'park' && !this.#seen.has(room.room)) this.#seen.set(room.room, room.offset);
    if (known === undefined) return room;
    const counted = room.kind !== 'park' && room.keepHistory && room.offset >= known.offset;
    // Offsets have no holes, so at most this many messages lie above the highest one read here.
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
