import type { Person } from '#libs/client/index.ts';

/**
 * Where the unsent texts of a room are kept. Those for a person have one place, also before there is
 * a room.
 */
export function unsentPlace(room: string, other: Pick<Person, 'id'> | undefined): string {
  return other === undefined ? room : `@${other.id}`;
}

/** The user's id of such a place. Undefined if it is that of a room. */
export function userOfPlace(place: string): string | undefined {
  return place.startsWith('@') ? place.slice(1) : undefined;
}
