import type { Ban } from '#libs/protocol/errors.ts';
import type { Database } from './database.ts';
import {
  browserSubject,
  type ConsumerPosition,
  type EventRow,
  type EventStore,
  type LogPage,
  type RevocationRecord,
  type RevocationStore,
} from './event-store.ts';
import { MessageLog } from './message-log.ts';
import { TransactionLog } from './transaction-log.ts';

/**
 * Events are deleted after seven days (upkeep.ts). Ten minutes less, for a transaction that commits
 * long after it added its row.
 */
const KEPT_MS = 7 * 86_400_000 - 600_000;
/** Most events of one read. */
const PAGE = 1000;

/** The columns of a read. Exported for the test of its plan. */
export const EVENT_COLUMNS = 'seq, kind, room, users, payload, (extract(epoch FROM added_at) * 1000)::bigint AS at';

type StoredRow = Omit<EventRow, 'room'> & { readonly room: string | null };

const POSITION = 'SELECT position, held_until < clock_timestamp() AS is_free FROM event_consumers WHERE name = $1';
const HOLD = `
  UPDATE event_consumers SET holder = $3, held_until = clock_timestamp() + $4::bigint * interval '1 millisecond'
   WHERE name = $1 AND position = $2 AND held_until < clock_timestamp() RETURNING 1`;
const RELEASE = `
  UPDATE event_consumers SET position = $3, holder = NULL, held_until = '-infinity' WHERE name = $1 AND holder = $2 RETURNING 1`;

/** Between the mark of the events and that of the messages, if these are read. */
const AND = '\n';

/** The log that the triggers of migration 010 write, and the messages. */
export class PostgresEvents implements EventStore {
  readonly #database: Database;
  readonly #log: TransactionLog<StoredRow, EventRow>;
  readonly #messages: MessageLog;

  /** `following`: the connections that follow changes. */
  constructor(database: Database, following: Database) {
    this.#database = database;
    this.#log = new TransactionLog<StoredRow, EventRow>({
      database: following,
      table: 'events',
      columns: EVENT_COLUMNS,
      entryOf: ({ seq, kind, room, users, payload, at }) => ({ seq, kind, room: room ?? undefined, users, payload, at }),
      keptMs: KEPT_MS,
      pageMax: PAGE,
    });
    this.#messages = new MessageLog(following);
  }

  async since(mark: string | undefined, kinds: readonly string[]): Promise<LogPage<EventRow>> {
    const [ofEvents, ofMessages] = mark?.split(AND) ?? [];
    // Messages are read first and returned last. So the event of a member who joined always comes
    // before the messages of that member.
    const messages = kinds.includes('message') ? await this.#messages.since(ofMessages) : undefined;
    const events = await (ofEvents === undefined ? this.#log.begin('false') : this.#log.since(ofEvents, kinds));
    // A full page of events comes alone: messages behind it are read again.
    const reached = messages === undefined || events.more ? ofMessages : messages.mark;
    const both = { ...events, mark: reached === undefined ? events.mark : events.mark + AND + reached };
    if (messages === undefined || events.more) return both;
    return {
      ...both,
      entries: [...events.entries, ...messages.entries],
      complete: events.complete && messages.complete,
      more: messages.more,
    };
  }

  async position(consumer: string): Promise<ConsumerPosition> {
    const row = await this.#database.first<{ position: string; is_free: boolean }>(POSITION, [consumer]);
    if (row === undefined) throw new TypeError(`no migration made the event consumer ${consumer}`);
    return { position: row.position, isFree: row.is_free };
  }

  async hold(consumer: string, position: string, holder: string, ms: number): Promise<boolean> {
    return (await this.#database.query(HOLD, [consumer, position, holder, ms])).length > 0;
  }

  async release(consumer: string, holder: string, position: string): Promise<boolean> {
    return (await this.#database.query(RELEASE, [consumer, holder, position])).length > 0;
  }
}

type RevocationRow = {
  seq: number;
  kind: RevocationRecord['kind'];
  subject: string;
  reason: string;
  at: number;
  until: number;
  covers: string[];
};

const REVOCATION_COLUMNS = 'seq, kind, subject, reason, at, until, covers';

const ADD = 'INSERT INTO sanctions (kind, subject, reason, at, until) VALUES ($1, $2, $3, $4, $5)';
/** An unban outlasts the bans that it lifts by a minute, and has no effect afterwards. */
const LIFT = `
  INSERT INTO sanctions (kind, subject, reason, at, until)
  SELECT $1, $2, $3, $4::bigint, least($5::bigint, 60000 + greatest($4::bigint, (SELECT max(until) FROM sanctions WHERE kind = 'ban' AND subject = $2)))`;
/** Browsers of a user, and guests of these browsers, that a ban covers at most: the newest. */
const BROWSERS = 20;
const GUESTS = 100;
/**
 * Only guests and customers have a browser. Of the other ones, those whose login is still open are
 * covered.
 */
const BAN = `
  WITH browsers AS (
    SELECT browser FROM login_families WHERE user_id = $2 AND browser IS NOT NULL GROUP BY browser ORDER BY max(expires_at) DESC LIMIT ${BROWSERS}
  ), guests AS (
    SELECT f.user_id FROM login_families f JOIN browsers USING (browser)
     WHERE f.user_id <> $2 AND NOT f.revoked AND f.expires_at > $4 GROUP BY f.user_id ORDER BY max(f.expires_at) DESC LIMIT ${GUESTS}
  )
  INSERT INTO sanctions (kind, subject, reason, at, until, covers)
  SELECT $1, $2, $3, $4, $5, ARRAY(SELECT '${browserSubject('')}' || browser FROM browsers UNION ALL SELECT user_id FROM guests)`;
/** The rows that hold at `$1`: no unban, and no ban that was lifted. */
const HOLDING = `l.until > $1 AND l.kind <> 'unban' AND NOT (
  l.kind = 'ban' AND EXISTS (SELECT 1 FROM sanctions u WHERE u.kind = 'unban' AND u.subject = l.subject AND u.seq > l.seq))`;

/** The newest ban or unban of a user that still holds. Exported for the test of its plan. */
export const BAN_OF = `SELECT kind, until, reason FROM sanctions WHERE kind IN ('ban', 'unban') AND subject = $1 AND until > $2 ORDER BY seq DESC LIMIT 1`;

/** The log of revocations, in the table `sanctions`. */
export class PostgresRevocations implements RevocationStore {
  readonly #database: Database;
  readonly #messaging: Database;
  readonly #log: TransactionLog<RevocationRow, RevocationRecord>;

  /** `messaging`: the connections for the log that every node follows. */
  constructor(database: Database, messaging: Database) {
    this.#database = database;
    this.#messaging = messaging;
    this.#log = new TransactionLog<RevocationRow, RevocationRecord>({
      database: messaging,
      table: 'sanctions',
      columns: REVOCATION_COLUMNS,
      entryOf: ({ seq, kind, subject, reason, at, until, covers }) => ({
        seq,
        kind,
        subject,
        reason,
        at,
        until,
        ...(covers.length > 0 && { covers }),
      }),
      // A revocation stays as long as it holds, so a reader misses none.
      keptMs: Number.POSITIVE_INFINITY,
    });
  }

  async add({ kind, subject, reason, at, until }: Omit<RevocationRecord, 'seq' | 'covers'>): Promise<void> {
    const statement = kind === 'ban' ? BAN : kind === 'unban' ? LIFT : ADD;
    await this.#messaging.query(statement, [kind, subject, reason, at, until]);
  }

  async banOf(user: string, now: number): Promise<Ban | undefined> {
    const row = await this.#database.first<Pick<RevocationRow, 'kind' | 'until' | 'reason'>>(BAN_OF, [user, now]);
    return row?.kind === 'ban' ? { until: row.until, reason: row.reason } : undefined;
  }

  since(mark: string | undefined, now: number): Promise<LogPage<RevocationRecord>> {
    return mark === undefined ? this.#log.begin(HOLDING, [now]) : this.#log.since(mark);
  }
}
