import type { RoomRecord } from './room-store.ts';

/** A row of `rooms` as it is selected with `ROOM_COLUMNS`. */
export type RoomRow = {
  readonly room: string;
  readonly kind: RoomRecord['kind'];
  readonly title: string;
  readonly owner: string;
  readonly keep_history: boolean;
  readonly history_from: number | null;
  readonly created_at: number;
  readonly expires_at: number | null;
  readonly closed_at: number | null;
  readonly closed_reason: 'expired' | 'closed' | null;
};

export const ROOM_COLUMNS =
  'r.room, r.kind, r.title, r.owner, r.keep_history, r.history_from, r.created_at, r.expires_at, r.closed_at, r.closed_reason';

export function roomOf(row: RoomRow): RoomRecord {
  return {
    room: row.room,
    kind: row.kind,
    title: row.title,
    owner: row.owner,
    keepHistory: row.keep_history,
    historyFrom: row.history_from ?? undefined,
    createdAt: row.created_at,
    expiresAt: row.expires_at ?? undefined,
    closedAt: row.closed_at ?? undefined,
    closedReason: row.closed_reason ?? undefined,
  };
}
