/** The store in PostgreSQL, the only implementation of the port. */
import type { Logger } from '#libs/telemetry/logger.ts';
import { PostgresAgents, PostgresCustomers, PostgresNames, PostgresUsers } from './accounts.ts';
import { PostgresAnswers } from './answers.ts';
import { PostgresConversations } from './conversations.ts';
import { PostgresCursors } from './cursors.ts';
import { Database, StoreHealth, type StoreObserver } from './database.ts';
import { durabilityFaults, readDurability } from './database-facts.ts';
import { PostgresEvents, PostgresRevocations } from './events.ts';
import { PostgresCodes, PostgresLogins } from './logins.ts';
import { PostgresMessages } from './messages.ts';
import { PostgresPairs } from './pairs.ts';
import { PostgresRooms } from './rooms.ts';
import { checkSchema } from './schema.ts';
import { PostgresAbsences, PostgresSeen } from './seen.ts';
import type { Store } from './store.ts';
import { PostgresUpkeep } from './upkeep.ts';

const POOL_SIZE = 6;
/**
 * Connections for the path between a message and its `ack`: storing, looking up, checking members,
 * following revocations. Each of these uses a bounded number at a time, so that none waits for
 * readers of history.
 */
const MESSAGING_POOL_SIZE = 6;
const TIMEOUT_MS = 3000;
/** Followers of room changes are up to date within two seconds, or know that they are not (R7). */
const FOLLOW_TIMEOUT_MS = 1250;
/**
 * One connection reads room changes, and one rechecks members: a recheck that hangs does not delay
 * the next closure.
 */
const FOLLOWING_POOL_SIZE = 2;
/** Connections that one program opens at most. */
export const CONNECTIONS_OF_A_PROGRAM = POOL_SIZE + MESSAGING_POOL_SIZE + FOLLOWING_POOL_SIZE;

/** The database, and the limits of calls. */
export interface StoreOptions {
  /**
   * `postgres://user:password@host:port/database`, of a migrated database. It is in no log and in
   * no error.
   */
  readonly url: string;
  /** Logs when the database goes away and when it comes back. */
  readonly log?: Logger;
  /**
   * Most connections. Six more serve messages on their way to `ack`, and two follow room changes.
   * Default 6.
   */
  readonly poolSize?: number;
  /** Milliseconds after which a call rejects with `UNAVAILABLE`. Default 3,000. */
  readonly timeoutMs?: number;
  /** Unix milliseconds. Default `Date.now`. */
  readonly now?: () => number;
  readonly observe?: StoreObserver;
}

/**
 * Opens the store. Resolves even if the database is away: each call then rejects, and readiness
 * asks `ping`. Connects when needed. The caller closes it.
 */
export async function openStore(options: StoreOptions): Promise<Store> {
  const { url, poolSize = POOL_SIZE, timeoutMs = TIMEOUT_MS, now = Date.now, log, observe } = options;
  const health = new StoreHealth(log, observe);
  const database = new Database({ url, pool: 'general', poolSize, timeoutMs, health, observe });
  const messaging = new Database({ url, pool: 'messaging', poolSize: MESSAGING_POOL_SIZE, timeoutMs, health, observe });
  // A read that is given up retires no connection of others, and waits for none of theirs.
  const following = new Database({
    url,
    pool: 'following',
    poolSize: FOLLOWING_POOL_SIZE,
    timeoutMs: Math.min(FOLLOW_TIMEOUT_MS, timeoutMs),
    observe,
  });
  const messages = new PostgresMessages(database, messaging, observe);
  const rooms = new PostgresRooms(database, messaging, following);
  const cursors = new PostgresCursors(database, observe);
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
    durabilityFaults: async () => durabilityFaults(await readDurability((sql, values) => database.query(sql, values))),
    checkSchema: () => checkSchema((sql, values) => database.query(sql, values)),
    async close() {
      await Promise.all([messages.flush(), rooms.flush(), cursors.flush(), seen.flush()]);
      await Promise.all([database.close(), messaging.close(), following.close()]);
    },
  };
}
