import type { RoomPlace } from '#libs/store/room-store.ts';
import { nextOf, placeOf } from './list-cursor.ts';

type Parts = readonly [asOf: number, at: number, room: string];

const listOf = (user: string) => JSON.stringify(['rooms', user]);

/** Where a page of a user's rooms begins. @throws HubError `INVALID_REQUEST`. */
export function roomPlaceOf(user: string, after: string | undefined): RoomPlace | undefined {
  if (after === undefined) return undefined;
  const [asOf, at, room] = placeOf<Parts>(listOf(user), after, [0, 0, '']);
  return { asOf, at, room };
}

export function nextRoomsOf(user: string, place: RoomPlace | undefined): { readonly next?: string } {
  return nextOf(listOf(user), place && [place.asOf, place.at, place.room]);
}
