/**
 * After a backup was restored: no offset is given twice (M3).
 *
 * The database does not know the offsets that were given since the backup. So all rooms go on above
 * a floor that no room had reached. The floor is the row of `room_tops` without a room.
 */
import { onOneConnection } from './one-connection.ts';

/** The name of the floor's row: no room has it. */
export const FLOOR = '';
/** More messages than any room gets between a backup and its restore. */
const RAISED_BY = 1_000_000_000;

/** Programs of the hub that still have connections to this database. */
const RUNNING = `
  SELECT count(*)::integer AS running FROM pg_stat_activity
   WHERE datname = current_database() AND application_name = 'parley' AND pid <> pg_backend_pid()`;
/** Above the last floor, too. */
const RAISE = `
  INSERT INTO room_tops (room, top, at) SELECT '${FLOOR}', coalesce(max(top), 0) + ${RAISED_BY}, 0 FROM room_tops
  ON CONFLICT (room) DO UPDATE SET top = excluded.top`;

/**
 * Raises the floor of all offsets. Call it after a restore, before the first program starts, on the
 * present schema. Rejects with PostgreSQL's error, whose message does not contain the URL.
 */
export async function raiseOffsets(url: string): Promise<void> {
  await once(url, RAISE);
}

/** Rejects if a program of the hub is connected to its database. */
export async function refuseWhileProgramsRun(url: string): Promise<void> {
  const [row] = await once<{ running: number }>(url, RUNNING);
  const running = row?.running ?? 0;
  if (running > 0) throw new Error(`programs of the hub have ${running} connections to the database: stop all of them first`);
}

/** Runs one statement. */
function once<T extends object>(url: string, sql: string): Promise<T[]> {
  return onOneConnection(url, async (client) => (await client.query<T>(sql)).rows);
}
