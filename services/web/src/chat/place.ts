/** The place in the chat that the page shows: the part of the address behind `#`. */
import { isRoomName } from '#libs/protocol/room-name.ts';
import type { Text } from '../i18n/languages.ts';
import { decodedPart, useHash } from '../ui/hash.ts';
import type { Room } from './state/room-list.ts';

/** A place in the chat. */
export type Place =
  | { readonly is: 'lobby' }
  | { readonly is: 'room'; readonly room: string }
  | { readonly is: 'direct'; readonly user: string }
  | { readonly is: 'pair' };

/** Reads `#/`, `#/room/<name>`, `#/dm/<user>` or `#/pair`. Everything else is the lobby. */
export function placeOf(hash: string): Place {
  const [, kind, rest] = /^#\/(room|dm|pair)(?:\/(.*))?$/.exec(hash) ?? [];
  if (kind === 'pair' && rest === undefined) return { is: 'pair' };
  const name = decodedPart(rest ?? '');
  if (kind === 'room' && isRoomName(name)) return { is: 'room', room: name };
  if (kind === 'dm' && name !== '') return { is: 'direct', user: name };
  return { is: 'lobby' };
}

/** The address of a place. */
export function hrefOf(place: Place): string {
  switch (place.is) {
    case 'lobby':
      return '#/';
    case 'room':
      return `#/room/${encodeURIComponent(place.room)}`;
    case 'direct':
      return `#/dm/${encodeURIComponent(place.user)}`;
    case 'pair':
      return '#/pair';
  }
}

/** The place that shows a room. */
export function placeOfRoom({ room, kind, with: other, closedAt }: Pick<Room, 'room' | 'kind' | 'with' | 'closedAt'>): Place {
  if (kind === 'pair' && closedAt === undefined) return { is: 'pair' };
  return kind === 'dm' && other !== undefined ? { is: 'direct', user: other.id } : { is: 'room', room };
}

/**
 * The title of a room. The park has a name in each language, the other rooms have the names that
 * people gave them.
 */
export function roomTitle(room: Pick<Room, 'kind' | 'name'>, { park }: Text<'chat'>): string {
  return room.kind === 'park' ? park : room.name;
}

/** Changes the page's address to a place. */
export function goTo(place: Place): void {
  location.hash = hrefOf(place);
}

/** The place of the page's address. Renders again when it changes. */
export function usePlace(): Place {
  return placeOf(useHash());
}
