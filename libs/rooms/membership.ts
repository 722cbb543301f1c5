import { HubError } from '#libs/protocol/errors.ts';
import { type ManagedPolicy, ROOM_KINDS } from '#libs/protocol/room-kinds.ts';
import type { RoomMember, RoomRecord, RoomStanding, RoomStore } from '#libs/store/room-store.ts';

export interface KnownRoom {
  readonly room: RoomRecord;
  readonly members: readonly RoomMember[];
}

/**
 * A managed room as one of its members enters it, asked of the store afresh.
 * @throws HubError `FORBIDDEN` for everybody else, the same where there is no such room; `ROOM_CLOSED` for a member of one that is over.
 */
export async function standingOfMember(rooms: Pick<RoomStore, 'standing'>, room: string, user: string): Promise<RoomStanding> {
  return open(await standingOf(rooms, room, user));
}

/** As `standingOfMember`, to read in it: a conversation is read by its members after its end, too (A10). */
export async function standingOfReader(rooms: Pick<RoomStore, 'standing'>, room: string, user: string): Promise<RoomStanding> {
  const standing = await standingOf(rooms, room, user);
  const { readAfterEnd }: ManagedPolicy = ROOM_KINDS[standing.room.kind];
  return readAfterEnd === true ? standing : open(standing);
}

/** As `standingOfMember`, with everybody who is in it: for who lists or changes them. */
export async function roomOfMember(rooms: Pick<RoomStore, 'withMembers'>, room: string, user: string): Promise<KnownRoom> {
  const found = await rooms.withMembers(room);
  if (found === undefined || !found.members.some(({ id }) => id === user)) throw new HubError('FORBIDDEN');
  return open(found);
}

async function standingOf(rooms: Pick<RoomStore, 'standing'>, room: string, user: string): Promise<RoomStanding> {
  const standing = await rooms.standing(room, user);
  if (standing === undefined || !standing.isMember) throw new HubError('FORBIDDEN');
  return standing;
}

function open<T extends { readonly room: RoomRecord }>(found: T): T {
  if (found.room.closedAt !== undefined) throw new HubError('ROOM_CLOSED');
  return found;
}
