/** The rooms of a user as the user sees them (A8): name, people, unread messages. */

import type { Presence } from '#libs/presence/presence.ts';
import type { Person } from '#libs/protocol/frame-types.ts';
import { isPrivateRoom, type ListedRoomKind, PUBLIC_ROOMS, type PublicRoom } from '#libs/protocol/room-kinds.ts';
import { mayEnter } from '#libs/protocol/user-kinds.ts';
import type { ListPage } from '#libs/store/list-page.ts';
import type { MessageStore } from '#libs/store/message-store.ts';
import type { RoomPlace, RoomStore, RoomSummary } from '#libs/store/room-store.ts';
import { whoIsOnline } from './people.ts';
import type { KnownRoom } from './room-entry.ts';

/** A room as a user sees it. */
export interface RoomView {
  readonly room: string;
  readonly kind: ListedRoomKind;
  /** The title. For a private room without one: the name of the other member, who is in `with`. */
  readonly name: string;
  /** The user who may change the room. */
  readonly owner?: string;
  /** The other member of a private room. */
  readonly with?: Person;
  readonly keepHistory: boolean;
  /** For a pair that keeps no history yet: who of the two asked for it. */
  readonly historyWish?: 'mine' | 'theirs';
  /** Unix milliseconds. */
  readonly createdAt?: number;
  readonly expiresAt?: number;
  /** Absent while the room is open. */
  readonly closedAt?: number;
  /** Distinct users in the room. For a private room: its members who are online. */
  readonly count: number;
  /** Number of members, online or not. */
  readonly members?: number;
  /** The highest stored offset. */
  readonly offset: number;
  /**
   * Stored messages of others above the user's cursor, counted up to 1,000. 0 in public rooms, and
   * if no history is kept.
   */
  readonly unread: number;
  /** The user's cursor. Absent in public rooms, and if no history is kept. */
  readonly delivered?: number;
}

/** Dependencies of `RoomList`. */
export interface RoomListOptions {
  readonly rooms: Pick<RoomStore, 'of' | 'summary' | 'membersOf'>;
  readonly messages: Pick<MessageStore, 'top'>;
  readonly presence: Pick<Presence, 'counts' | 'sessions'>;
}

/** Lists the rooms of a user. */
export class RoomList {
  readonly #options: RoomListOptions;

  constructor(options: RoomListOptions) {
    this.#options = options;
  }

  /**
   * At most `limit` of the user's rooms, newest activity first, without those that the user's kind
   * may not enter (R6). With `ended`, also the pairs that kept history and ended. The first page begins with the public rooms, which do not count.
   */
  async of(
    user: string,
    kind: string,
    page: { readonly after: RoomPlace | undefined; readonly limit: number; readonly ended: boolean },
  ): Promise<ListPage<RoomView, RoomPlace>> {
    const { rooms } = this.#options;
    const open = page.after === undefined ? PUBLIC_ROOMS.filter(({ room }) => mayEnter(kind, room)) : [];
    const [first, { items, next }] = await Promise.all([Promise.all(open.map((room) => this.publicRoom(room))), rooms.of(user, page)]);
    const mine = items.filter(({ room }) => mayEnter(kind, room));
    const members = mine.length === 0 ? new Map<string, readonly Person[]>() : await rooms.membersOf(mine.map(({ room }) => room));
    return { items: [...first, ...(await this.#views(user, mine, members))], next };
  }

  /** Nothing in a public room is unread: nobody has to read it. */
  async publicRoom({ room, kind, title, keepHistory }: PublicRoom): Promise<RoomView> {
    const { messages, presence } = this.#options;
    const [top, [count = 0]] = await Promise.all([messages.top(room), presence.counts([room])]);
    return { room, kind, name: title, keepHistory, count, offset: top, unread: 0 };
  }

  /** The view of one managed room for one of its members. */
  async one(user: string, { room, members }: KnownRoom): Promise<RoomView> {
    // If the user lost the room at this moment, it shows nothing new.
    const { top, unread, delivered, historyWish } = (await this.#options.rooms.summary(user, room.room)) ?? {
      top: 0,
      unread: 0,
      delivered: 0,
      historyWish: undefined,
    };
    const [view] = await this.#views(user, [{ ...room, top, unread, delivered, historyWish }], new Map([[room.room, members]]));
    if (view === undefined) throw new TypeError('a summary has no view');
    return view;
  }

  async #views(user: string, summaries: readonly RoomSummary[], membersOf: ReadonlyMap<string, readonly Person[]>): Promise<RoomView[]> {
    const { presence } = this.#options;
    const groups = summaries.filter((one) => !isPrivateRoom(one.room)).map(({ room }) => room);
    // Nobody is in a room that ended.
    const people = summaries
      .filter((one) => isPrivateRoom(one.room) && one.closedAt === undefined)
      .flatMap(({ room }) => membersOf.get(room) ?? []);
    const [counts, online] = await Promise.all([
      groups.length === 0 ? [] : presence.counts(groups),
      whoIsOnline(presence, distinct(people)),
    ]);
    const countOf = new Map(groups.map((room, index) => [room, counts[index] ?? 0]));
    const here = new Set(online.map(({ id }) => id));
    return summaries.map((summary) => {
      const members = membersOf.get(summary.room) ?? [];
      const present = summary.closedAt === undefined ? members.filter(({ id }) => here.has(id)).length : 0;
      return view(summary, user, members, countOf.get(summary.room) ?? present);
    });
  }
}

function view(summary: RoomSummary, user: string, members: readonly Person[], count: number): RoomView {
  const { room, kind, title, owner, keepHistory, historyWish, createdAt, expiresAt, closedAt, top, unread, delivered } = summary;
  const other = !isPrivateRoom(room) ? undefined : members.find(({ id }) => id !== user);
  return {
    room,
    kind,
    name: title === '' && other !== undefined ? other.name : title,
    ...(owner === '' ? {} : { owner }),
    ...(other === undefined ? {} : { with: other }),
    keepHistory,
    ...(historyWish === undefined ? {} : { historyWish }),
    createdAt,
    ...(expiresAt === undefined ? {} : { expiresAt }),
    ...(closedAt === undefined ? {} : { closedAt }),
    count,
    members: members.length,
    offset: top,
    unread,
    ...(keepHistory ? { delivered } : {}),
  };
}

function distinct(people: readonly Person[]): Person[] {
  return [...new Map(people.map((one) => [one.id, one])).values()];
}
