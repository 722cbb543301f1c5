import type { StoredEvent, StoredKind } from '#libs/events/events.ts';

/** An event of a room as the log gives it; what a test says nothing about is empty. */
function roomEvent<K extends Extract<StoredEvent, { room: string }>['kind']>(
  kind: K,
  room: string,
  users: readonly string[],
  payload: Extract<StoredEvent, { kind: K }>['payload'],
): Extract<StoredEvent, { kind: K }> {
  return { kind, seq: 0, room, users, at: 0, payload } as Extract<StoredEvent, { kind: K }>;
}

export const memberLeft = (room: string, ...users: string[]) => roomEvent('member_left', room, users, {});
export const roomChanged = (room: string) => roomEvent('room_changed', room, [], { keepHistory: true });
export const roomClosed = (room: string, reason: 'expired' | 'closed', ...users: string[]) =>
  roomEvent('room_closed', room, users, { reason });

/** Kinds of the events, for tests that read them all. */
export const ALL_KINDS: readonly StoredKind[] = [
  'room_opened',
  'member_joined',
  'member_left',
  'room_changed',
  'room_closed',
  'history_asked',
  'conversation',
  'login_opened',
  'login_ended',
  'revocation',
];
