/** Decides who may enter which room, by the rules and the store (R2, R3, R5). */

import { hash } from 'node:crypto';
import { type Membership, Retention, type RoomAccess, type RoomBearer, Standing } from '#libs/messages/room-access.ts';
import { type ErrorCode, HubError } from '#libs/protocol/errors.ts';
import type { Person } from '#libs/protocol/frame-types.ts';
import {
  isManagedRoom,
  isPrivateRoom,
  type ManagedPolicy,
  type ManagedRoomKind,
  ROOM_KINDS,
  roomPolicy,
} from '#libs/protocol/room-kinds.ts';
import { requirePower, requireRoom } from '#libs/protocol/user-kinds.ts';
import type { ConversationStore } from '#libs/store/conversation-store.ts';
import type { RoomRecord, RoomStanding, RoomStore } from '#libs/store/room-store.ts';
import type { People } from './people.ts';

/** Settings of `RoomRules`. */
export interface RoomRulesOptions {
  /**
   * Everybody may enter any open room (`OPEN_ROOMS`). Otherwise the token's `rooms` claim must
   * allow it.
   */
  readonly openRooms: boolean;
}

/**
 * The part of a token that decides about rooms: its `rooms` claim, a list of names or `prefix*`.
 */
export interface RoomClaim {
  readonly rooms?: readonly string[] | undefined;
}

function claimAllows(claim: RoomClaim, room: string): boolean {
  return claim.rooms?.some((entry) => (entry.endsWith('*') ? room.startsWith(entry.slice(0, -1)) : entry === room)) ?? false;
}

/** The rules of rooms that do not need the store. */
export class RoomRules {
  readonly #openRooms: boolean;

  constructor(options: RoomRulesOptions) {
    this.#openRooms = options.openRooms;
  }

  /** Whether the room keeps a stream. */
  keepsStream(room: string): boolean {
    return roomPolicy(room).retention !== 'none';
  }

  /**
   * The code of a refusal, or undefined if the bearer of the claim may enter. Refuses managed
   * rooms: `RoomEntry` checks their members.
   */
  refusal(claim: RoomClaim, room: string): ErrorCode | undefined {
    switch (roomPolicy(room).entry) {
      case 'everybody':
        return undefined;
      case 'members':
        return 'FORBIDDEN';
      case 'claim':
        return this.#openRooms || claimAllows(claim, room) ? undefined : 'FORBIDDEN';
    }
  }
}

/** Characters of the id of a direct room: 132 bits of a SHA-256 in base64url. */
const DIRECT_ID_LENGTH = 22;

/** The kind of a room for direct messages. */
const DIRECT = 'dm' satisfies ManagedRoomKind;

/**
 * R2: the room of direct messages between two users. It does not matter which of them writes first.
 */
function directRoom(one: string, other: string): string {
  const [first, second] = one < other ? [one, other] : [other, one];
  return `${ROOM_KINDS[DIRECT].prefix}${hash('sha256', `${first}\0${second}`, 'base64url').slice(0, DIRECT_ID_LENGTH)}`;
}

function standingIn(found: RoomStanding | undefined): Standing {
  return found?.isMember === true ? (found.room.closedReason ?? Standing.member) : Standing.stranger;
}

/** Dependencies of `RoomEntry`. */
export interface RoomEntryOptions {
  readonly rules: RoomRules;
  readonly rooms: Pick<RoomStore, 'standing' | 'recheck' | 'create'>;
  readonly conversations: Pick<ConversationStore, 'hasCustomerOf'>;
  readonly people: Pick<People, 'byIds' | 'requirePower'>;
  /** Unix milliseconds. */
  readonly now: () => number;
}

/** Implements `RoomAccess` over the rules and the store. */
export class RoomEntry implements RoomAccess {
  readonly #options: RoomEntryOptions;

  constructor(options: RoomEntryOptions) {
    this.#options = options;
  }

  keepsStream(room: string): boolean {
    return this.#options.rules.keepsStream(room);
  }

  enterByName(bearer: RoomBearer, room: string): Membership | undefined {
    requireRoom(bearer.kind, room);
    const { entry, retention } = roomPolicy(room);
    if (entry === 'members') return undefined;
    const refusal = this.#options.rules.refusal(bearer, room);
    if (refusal !== undefined) throw new HubError(refusal, `the room ${room} is not open to you`);
    return { room, retention, members: undefined };
  }

  async enter(bearer: RoomBearer, room: string): Promise<Membership> {
    return this.enterByName(bearer, room) ?? this.#managed(bearer, room);
  }

  async read(bearer: RoomBearer, room: string): Promise<Retention> {
    requireRoom(bearer.kind, room);
    return isManagedRoom(room) ? this.#readManaged(bearer, room) : (await this.enter(bearer, room)).retention;
  }

  async standing(user: string, room: string): Promise<Standing> {
    return standingIn(await this.#options.rooms.standing(room, user));
  }

  async recheck(user: string, room: string): Promise<Standing> {
    return standingIn(await this.#options.rooms.recheck(room, user));
  }

  async members(room: string): Promise<readonly string[]> {
    const found = await this.#options.rooms.standing(room);
    return (isPrivateRoom(room) ? found?.privateMembers : undefined) ?? [];
  }

  async direct(bearer: RoomBearer, to: string): Promise<Membership> {
    requirePower(bearer.kind, 'direct');
    const room = directRoom(bearer.userId, to);
    const { rooms, people, now } = this.#options;
    const others = to === bearer.userId ? [] : [to];
    const standing = await rooms.standing(room, bearer.userId);
    if (standing?.isMember === true) {
      // The other user may be a customer now (A12), or forgotten.
      await people.requirePower(others, 'direct');
      return membershipOf(standing);
    }
    const members: Person[] = [{ id: bearer.userId, name: bearer.name, kind: bearer.kind }, ...(await people.byIds(others, 'direct'))];
    // Both may write at the same moment: the second one finds the room.
    await rooms.create({ room, kind: DIRECT, title: '', owner: '', keepHistory: true, createdAt: now(), expiresAt: undefined }, members);
    return this.#managed(bearer, room);
  }

  directRoom(user: string, to: string): string {
    return directRoom(user, to);
  }

  async #managed(bearer: RoomBearer, room: string): Promise<Membership> {
    return membershipOf(await standingOfMember(this.#options.rooms, room, bearer.userId));
  }

  async #readManaged(bearer: RoomBearer, room: string): Promise<Retention> {
    const { rooms, conversations } = this.#options;
    const standing = await rooms.standing(room, bearer.userId);
    if (standing === undefined) throw new HubError('FORBIDDEN');
    const { readAfterEnd }: ManagedPolicy = ROOM_KINDS[standing.room.kind];
    if (readAfterEnd !== 'delivered') {
      const { room: record } = memberOnly(standing);
      // A9: what both of a pair kept is read after its end.
      return retentionOf(readAfterEnd === 'asked' && record.keepHistory ? record : open(standing).room);
    }
    // A10: members read a conversation after its end, and so does the agent who has its customer now.
    const mayRead = standing.isMember || (await conversations.hasCustomerOf(room, bearer.userId));
    if (!mayRead) throw new HubError('FORBIDDEN');
    return retentionOf(standing.room);
  }
}

function membershipOf({ room, privateMembers }: RoomStanding): Membership {
  return { room: room.room, retention: retentionOf(room), members: isPrivateRoom(room.room) ? privateMembers : undefined };
}

function retentionOf({ keepHistory }: RoomRecord): Retention {
  return keepHistory ? Retention.history : Retention.stream;
}

/** A managed room with its members. */
export interface KnownRoom {
  readonly room: RoomRecord;
  readonly members: readonly Person[];
}

/**
 * Returns a managed room for one of its members, read from the store now.
 * @throws HubError `FORBIDDEN` for everybody else, also if there is no such room; `ROOM_CLOSED` for
 * a member of a closed room.
 */
export async function standingOfMember(rooms: Pick<RoomStore, 'standing'>, room: string, user: string): Promise<RoomStanding> {
  return open(memberOnly(await rooms.standing(room, user)));
}

/** As `standingOfMember`, with all members. */
export async function roomOfMember(rooms: Pick<RoomStore, 'withMembers'>, room: string, user: string): Promise<KnownRoom> {
  const found = await rooms.withMembers(room);
  if (found === undefined || !found.members.some(({ id }) => id === user)) throw new HubError('FORBIDDEN');
  return open(found);
}

function memberOnly(standing: RoomStanding | undefined): RoomStanding {
  if (standing === undefined || !standing.isMember) throw new HubError('FORBIDDEN');
  return standing;
}

function open<T extends { readonly room: RoomRecord }>(found: T): T {
  if (found.room.closedAt !== undefined) throw new HubError('ROOM_CLOSED');
  return found;
}
