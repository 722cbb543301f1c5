import pg from 'pg';
import { HubError } from '#libs/protocol/errors.ts';

/** SQLSTATE classes of what was asked being wrong: data exceptions, constraints, limits of the program. Appendix A of PostgreSQL's manual. */
const WRONG_REQUEST = ['22', '23', '54'];

/** serialization_failure, deadlock_detected: the same once more succeeds. */
const AGAIN = ['40001', '40P01'];
const LOCK_NOT_AVAILABLE = '55P03';

/** A database's or a connection's error as the port tells it: `INVALID_REQUEST` where no retry can help, else `UNAVAILABLE`. */
export function storeError(error: unknown): HubError {
  if (error instanceof HubError) return error;
  const wrong = WRONG_REQUEST.includes(sqlState(error).slice(0, 2));
  return new HubError(wrong ? 'INVALID_REQUEST' : 'UNAVAILABLE', wrong ? undefined : 'The database is away: try again.', { cause: error });
}

/** Whether another transaction stood in the way, and the same can be tried again at once. */
export function isCollision(error: unknown): boolean {
  return AGAIN.includes(sqlState(error instanceof HubError ? error.cause : error));
}

/** Whether a lock was not to be had within `lock_timeout`: somebody else works on the table. */
export function isLocked(error: unknown): boolean {
  return sqlState(error instanceof HubError ? error.cause : error) === LOCK_NOT_AVAILABLE;
}

/** The SQLSTATE; '' for errors that are not the database's own. */
function sqlState(error: unknown): string {
  return error instanceof pg.DatabaseError ? (error.code ?? '') : '';
}
