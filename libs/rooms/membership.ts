import { HubError } from '#libs/protocol/errors.ts';
import type { RoomMember, RoomRecord, RoomStore } from '#libs/store/store.ts';

export interface KnownRoom {
  readonly room: RoomRecord;
  readonly members: readonly RoomMember[];
}

/**
 * A made room as one of its members sees it, asked of the store afresh.
 * @throws HubError `FORBIDDEN` for everybody else, the same where there is no such room; `ROOM_CLOSED` for a member of one that is over.
 */
export async function roomOfMember(rooms: Pick<RoomStore, 'withMembers'>, room: string, user: string): Promise<KnownRoom> {
  const found = await anyRoomOf(rooms, room, user);
  if (found.room.closedAt !== undefined) throw new HubError('ROOM_CLOSED');
  return found;
}

/** As `roomOfMember`, to read in it: a conversation is read by its members after its end, too (A10). */
export async function roomOfReader(rooms: Pick<RoomStore, 'withMembers'>, room: string, user: string): Promise<KnownRoom> {
  const found = await anyRoomOf(rooms, room, user);
  if (found.room.closedAt !== undefined && found.room.kind !== 'conv') throw new HubError('ROOM_CLOSED');
  return found;
}

async function anyRoomOf(rooms: Pick<RoomStore, 'withMembers'>, room: string, user: string): Promise<KnownRoom> {
  const found = await rooms.withMembers(room);
  if (found === undefined || !found.members.some(({ id }) => id === user)) throw new HubError('FORBIDDEN');
  return found;
}
