import type { Text } from '../i18n/languages.ts';
import type { Room } from './state/room-list.ts';

/** What a room is called in the page's language: the park has a name in each, all others are named by people. */
export function roomTitle(room: Pick<Room, 'kind' | 'name'>, { park }: Text<'chat'>): string {
  return room.kind === 'park' ? park : room.name;
}
