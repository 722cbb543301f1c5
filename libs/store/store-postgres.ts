/** The store in PostgreSQL: the only implementation of the port. */
import type { Logger } from '#libs/telemetry/logger.ts';
import { PostgresAgents, PostgresCustomers, PostgresNames, PostgresUsers } from './accounts.ts';
import { PostgresAnswers } from './answers.ts';
import { PostgresConversations } from './conversations.ts';
import { PostgresCursors } from './cursors.ts';
import { Database, StoreHealth, type StoreObserver } from './database.ts';
import { PostgresEvents, PostgresRevocations } from './events.ts';
import { PostgresCodes, PostgresLogins } from './logins.ts';
import { PostgresMessages } from './messages.ts';
import { PostgresPairs } from './pairs.ts';
import { PostgresRooms } from './rooms.ts';
import { PostgresAbsences, PostgresSeen } from './seen.ts';
import type { Store } from './store.ts';
import { PostgresUpkeep } from './upkeep.ts';

const POOL_SIZE = 6;
/**
 * Connections for what stands between a message and its `ack`: storing, looking up, asking who is a member, following what is revoked. Each of these uses a
 * bounded number at a time, so that none waits for readers of history.
 */
const MESSAGING_POOL_SIZE = 6;
const TIMEOUT_MS = 3000;
/** Whoever follows what becomes of rooms is to be up to date, or to know that they are not, within two seconds (R7). */
const FOLLOW_TIMEOUT_MS = 1250;
/** One that reads what became of rooms, and one that asks who may still be in them: a question that is stuck does not hold up the next closure. */
const FOLLOWING_POOL_SIZE = 2;

export interface StoreOptions {
  /** `postgres://user:password@host:port/database`, of a migrated database. Stands in no log and in no error. */
  readonly url: string;
  /** Told when the database goes away and comes back. */
  readonly log?: Logger;
  /** Connections at most, beside six that only messages use on their way to `ack`, and two that follow what becomes of rooms. Default 6. */
  readonly poolSize?: number;
  /** Milliseconds after which a call rejects with `UNAVAILABLE`. Default 3,000. */
  readonly timeoutMs?: number;
  /** Unix milliseconds. Default `Date.now`. */
  readonly now?: () => number;
  readonly observe?: StoreObserver;
}

/**
 * Opens the store. Resolves also if the database is away: each call tells, and `ping` is what readiness asks. Connections are made as they are needed.
 * `close` it at the end.
 */
export async function openStore(options: StoreOptions): Promise<Store> {
  const { url, poolSize = POOL_SIZE, timeoutMs = TIMEOUT_MS, now = Date.now, log, observe } = options;
  const health = new StoreHealth(log, observe);
  const database = new Database({ url, poolSize, timeoutMs, health });
  const messaging = new Database({ url, poolSize: MESSAGING_POOL_SIZE, timeoutMs, health });
  // A look that is given up takes no connection of others along, and none makes it wait.
  const following = new Database({ url, poolSize: FOLLOWING_POOL_SIZE, timeoutMs: Math.min(FOLLOW_TIMEOUT_MS, timeoutMs) });
  const messages = new PostgresMessages(database, messaging, observe);
  const rooms = new PostgresRooms(database, messaging, following);
  const cursors = new PostgresCursors(database);
  const seen = new PostgresSeen(database);
  return {
    users: new PostgresUsers(database),
    agents: new PostgresAgents(database),
    names: new PostgresNames(database),
    customers: new PostgresCustomers(database),
    answers: new PostgresAnswers(database),
    logins: new PostgresLogins(database, now),
    codes: new PostgresCodes(database),
    rooms,
    pairs: new PostgresPairs(database),
    conversations: new PostgresConversations(database),
    absences: new PostgresAbsences(database),
    messages,
    cursors,
    revocations: new PostgresRevocations(database, messaging),
    events: new PostgresEvents(database, following),
    seen,
    upkeep: new PostgresUpkeep(database),
    async ping() {
      await database.query('SELECT 1');
    },
    async close() {
      await Promise.all([messages.flush(), rooms.flush(), cursors.flush(), seen.flush()]);
      await Promise.all([database.close(), messaging.close(), following.close()]);
    },
  };
}
