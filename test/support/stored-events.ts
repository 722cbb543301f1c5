import type { StoredEvent, StoredKind } from '#libs/events/events.ts';

/** Makes an event of a room as the log returns it. Members that a test does not give are empty. */
function roomEvent<K extends Extract<StoredEvent, { room: string }>['kind']>(
  kind: K,
  room: string,
  users: readonly string[],
  payload: Extract<StoredEvent, { kind: K }>['payload'],
): Extract<StoredEvent, { kind: K }> {
  return { kind, seq: 0, room, users, at: 0, payload } as Extract<StoredEvent, { kind: K }>;
}

/** Makes an event: users left a room. */
export const memberLeft = (room: string, ...users: string[]) => roomEvent('member_left', room, users, {});
/** Makes an event: a room changed. */
export const roomChanged = (room: string) => roomEvent('room_changed', room, [], { keepHistory: true });
/** Makes an event: a room closed. */
export const roomClosed = (room: string, reason: 'expired' | 'closed', ...users: string[]) =>
  roomEvent('room_closed', room, users, { reason });

/** The kinds of all events. */
export const ALL_KINDS: readonly StoredKind[] = [
  'message',
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
