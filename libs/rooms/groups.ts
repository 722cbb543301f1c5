/** Groups: rooms that people make and change (A8). */

import { HubError } from '#libs/protocol/errors.ts';
import type { Person } from '#libs/protocol/frame-types.ts';
import { type ManagedPolicy, type ManagedRoomKind, ROOM_KINDS } from '#libs/protocol/room-kinds.ts';
import type { NewRoom, RoomStore } from '#libs/store/room-store.ts';
import type { Notifier } from './notices.ts';
import type { People } from './people.ts';
import { type KnownRoom, roomOfMember, standingOfMember } from './room-entry.ts';
import type { RoomLifecycle } from './room-lifecycle.ts';

/** The kind of room that people make. */
const KIND = 'group' satisfies ManagedRoomKind;
/** Most members of a group, and most open groups of an owner. */
const { members: MEMBERS_MAX, openRooms: OWNED_MAX } = ROOM_KINDS[KIND].limits;

/** Dependencies of `Groups`. */
export interface GroupsOptions {
  readonly rooms: Pick<RoomStore, 'createGroup' | 'standing' | 'withMembers' | 'update' | 'addMembers' | 'removeMembers'>;
  readonly people: Pick<People, 'byIds'>;
  readonly notifier: Pick<Notifier, 'membership'>;
  /** Sends people the notices of committed changes (`Notices`). Never rejects. */
  readonly sendNotices: () => Promise<void>;
  readonly lifecycle: Pick<RoomLifecycle, 'close'>;
  /**
   * Plans the end of the room, in Unix milliseconds. Undefined: the room has no end any more. Never
   * rejects.
   */
  readonly scheduleExpiry: (room: string, expiresAt: number | undefined) => Promise<void>;
  /** A fresh `group:` name at each call. */
  readonly roomName: () => string;
  /** Unix milliseconds. */
  readonly now: () => number;
}

/** A group to be made. */
export interface NewGroup {
  /**
   * A name that nobody else can choose. If the owner has a group of this name, an earlier try of
   * the same request made it, and it is returned. Default: a fresh name.
   */
  readonly room?: string | undefined;
  readonly title: string;
  /** User ids, with or without the owner's. */
  readonly members: readonly string[];
  readonly keepHistory: boolean;
  /** Milliseconds. Undefined: the group does not end by itself. */
  readonly lifeMs: number | undefined;
}

/** Changes of a group. An absent member stays as it is. */
export interface GroupChange {
  readonly title?: string | undefined;
  readonly keepHistory?: boolean | undefined;
  /** Milliseconds from now. Null: the group does not end by itself any more. */
  readonly lifeMs?: number | null | undefined;
}

/**
 * Every method but `create` throws `HubError` `FORBIDDEN` (not a member, not the owner, not a
 * group, no such room) and `ROOM_CLOSED`.
 */
export class Groups {
  readonly #options: GroupsOptions;

  constructor(options: GroupsOptions) {
    this.#options = options;
  }

  /**
   * @throws HubError `USER_NOT_FOUND`; `FORBIDDEN` (a user whose kind may not be in groups);
   * `ROOM_LIMIT` (the owner has too many groups).
   */
  async create(owner: Person, group: NewGroup): Promise<KnownRoom> {
    const { rooms, people, notifier, sendNotices, roomName, now, scheduleExpiry } = this.#options;
    const invited = await people.byIds(
      group.members.filter((id) => id !== owner.id),
      'groups',
    );
    const members = [owner, ...invited];
    const at = now();
    const record: NewRoom = {
      room: group.room ?? roomName(),
      kind: KIND,
      title: group.title,
      owner: owner.id,
      keepHistory: group.keepHistory,
      createdAt: at,
      expiresAt: group.lifeMs === undefined ? undefined : at + group.lifeMs,
    };
    const made = await rooms.createGroup(record, members, OWNED_MAX);
    if (made === 'too-many') throw new HubError('ROOM_LIMIT', `You have ${OWNED_MAX} groups: delete one first.`);
    const before = made === 'exists' ? await rooms.withMembers(record.room) : undefined;
    if (made === 'exists' && before?.room.owner !== owner.id) throw new HubError('UNAVAILABLE');
    if (record.expiresAt !== undefined) await scheduleExpiry(record.room, record.expiresAt);
    await notifier.membership(
      record.room,
      invited.map(({ id }) => id),
    );
    await sendNotices();
    if (before !== undefined) return before;
    return {
      room: { ...record, historyFrom: record.keepHistory ? at : undefined, closedAt: undefined, closedReason: undefined },
      members,
    };
  }

  async change(user: string, room: string, { title, keepHistory, lifeMs }: GroupChange): Promise<KnownRoom> {
    const { rooms, notifier, now, scheduleExpiry } = this.#options;
    const { members } = await this.#owned(user, room);
    const at = now();
    const change = {
      ...(title === undefined ? {} : { title }),
      ...(keepHistory === undefined ? {} : { keepHistory }),
      ...(lifeMs === undefined ? {} : { expiresAt: lifeMs === null ? null : at + lifeMs }),
    };
    const record = await rooms.update(room, change, at);
    if (record === undefined || record.closedAt !== undefined) throw new HubError('ROOM_CLOSED');
    if (lifeMs !== undefined) await scheduleExpiry(room, record.expiresAt);
    // Of these members only `keepHistory` changes a membership that gateways know.
    if (keepHistory !== undefined) {
      await notifier.membership(
        room,
        members.map(({ id }) => id),
      );
    }
    return { room: record, members };
  }

  /** @throws HubError `USER_NOT_FOUND`, `INVALID_REQUEST` (the group would be too large). */
  async add(user: string, room: string, ids: readonly string[]): Promise<readonly Person[]> {
    const { rooms, people, notifier, sendNotices } = this.#options;
    const { members } = await this.#owned(user, room);
    const known = new Set(members.map(({ id }) => id));
    const fresh = await people.byIds(
      ids.filter((id) => !known.has(id)),
      'groups',
    );
    if (fresh.length === 0) return members;
    const added = await rooms.addMembers(room, fresh, MEMBERS_MAX);
    if (added === 'too-many') throw new HubError('INVALID_REQUEST', `a group has at most ${MEMBERS_MAX} members`);
    if (added === 'closed') throw new HubError('ROOM_CLOSED');
    await notifier.membership(
      room,
      fresh.map(({ id }) => id),
    );
    await sendNotices();
    return [...members, ...fresh];
  }

  /**
   * The owner removes other members, and deletes the group instead of leaving it. Every other
   * member removes only themself. Ids of non-members are skipped.
   */
  async remove(user: string, room: string, ids: readonly string[]): Promise<readonly Person[]> {
    const { rooms, notifier, sendNotices } = this.#options;
    const { room: record, members } = await this.#group(user, room);
    const owner = record.owner === user;
    if (ids.some((id) => (id === user) === owner)) throw new HubError('FORBIDDEN');
    const leaving = members.filter(({ id }) => ids.includes(id)).map(({ id }) => id);
    if (leaving.length === 0) return members;
    await notifier.membership(room, await rooms.removeMembers(room, leaving));
    await sendNotices();
    return members.filter(({ id }) => !leaving.includes(id));
  }

  /** The owner deletes a group. Either member ends a pair. */
  async close(user: string, room: string): Promise<void> {
    const { room: record } = await standingOfMember(this.#options.rooms, room, user);
    const { endedBy }: ManagedPolicy = ROOM_KINDS[record.kind];
    if (endedBy === undefined || (endedBy === 'owner' && record.owner !== user)) throw new HubError('FORBIDDEN');
    if (!(await this.#options.lifecycle.close(room))) throw new HubError('ROOM_CLOSED');
  }

  async #group(user: string, room: string): Promise<KnownRoom> {
    const found = await roomOfMember(this.#options.rooms, room, user);
    if (found.room.kind !== KIND) throw new HubError('FORBIDDEN');
    return found;
  }

  async #owned(user: string, room: string): Promise<KnownRoom> {
    const found = await this.#group(user, room);
    if (found.room.owner !== user) throw new HubError('FORBIDDEN', 'Only the owner may change the group.');
    return found;
  }
}
