import type { Person } from '#libs/protocol/frame-types.ts';
import { managedKindsWith } from '#libs/protocol/room-kinds.ts';
import type { EndReason } from '#libs/protocol/signals.ts';
import { GroupedReads } from './batcher.ts';
import type { Database, Query } from './database.ts';
import { type ListPage, pageOf } from './list-page.ts';
import type { NewRoom, RoomEnd, RoomPlace, RoomRecord, RoomStanding, RoomStore, RoomSummary } from './room-store.ts';
import { kindMember, kindOf } from './seen.ts';

/** A row of `rooms`, selected with `ROOM_COLUMNS`. */
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
  readonly closed_reason: EndReason | null;
};

const ROOM_COLUMNS =
  'r.room, r.kind, r.title, r.owner, r.keep_history, r.history_from, r.created_at, r.expires_at, r.closed_at, r.closed_reason';

function roomOf(row: RoomRow): RoomRecord {
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

type MemberRow = { readonly id: string; readonly name: string; readonly kind: string | null };

const MEMBER = `m.user_id AS id, m.name, ${kindOf('m.user_id')} AS kind`;

/**
 * Unread messages are counted up to this number: nobody reads a higher one, and counting takes
 * long.
 */
const UNREAD_MAX = 1000;

/** One new group of an owner at a time, so that concurrent ones are counted. */
const OWNER_LOCK = 'SELECT pg_advisory_xact_lock(7250114, hashtext($1))';

/**
 * Kinds whose open rooms are counted for each owner. It must be one kind: the index `rooms_owner`
 * holds only that kind.
 */
const OWNED_KINDS = managedKindsWith(({ endedBy, limits }) => endedBy === 'owner' && limits?.openRooms !== undefined);
const PRIVATE_KINDS = managedKindsWith(({ isPrivate }) => isPrivate === true);
/** Kinds that a user's list may show after their end. */
const ENDED_KINDS = managedKindsWith(({ readAfterEnd }) => readAfterEnd === 'asked');
/** Kinds that keep history once every member asked for it. */
const WISHED_KINDS = managedKindsWith(({ chosenBy }) => chosenBy === 'everyMember');

const OWNED = `SELECT 1 FROM rooms WHERE owner = $1 AND kind IN (${OWNED_KINDS}) AND closed_at IS NULL LIMIT $2`;

/** Concurrent additions of members run one after the other. Messages and readers do not wait. */
const ROOM_LOCK = 'SELECT 1 FROM rooms WHERE room = $1 AND closed_at IS NULL FOR NO KEY UPDATE';

/** The members of room `$1` together with the users `$2`, at most `$3` rows. */
const MEMBERS_WITH = 'SELECT user_id FROM room_members WHERE room = $1 UNION SELECT unnest($2::text[]) LIMIT $3';

const JOIN = `
  WITH joined AS (
    INSERT INTO room_members (room, user_id, name)
    SELECT $1, m.id, m.name FROM unnest($2::text[], $3::text[]) WITH ORDINALITY AS m (id, name, n) ORDER BY m.n
    ON CONFLICT DO NOTHING RETURNING room, user_id
  )
  INSERT INTO cursors (user_id, room, delivered)
  SELECT j.user_id, j.room, t.top FROM joined j JOIN room_tops t USING (room) ORDER BY j.user_id
  ON CONFLICT (user_id, room) DO UPDATE SET delivered = greatest(cursors.delivered, excluded.delivered)`;

type SummaryRow = RoomRow & {
  readonly top: number;
  readonly unread: number;
  readonly delivered: number;
  readonly history_wish: 'mine' | 'theirs' | null;
};

/**
 * A look-up for each room: a user has few of all rooms, so a plan that reads all tops is never
 * better.
 */
const TOP = 'LEFT JOIN LATERAL (SELECT x.top, x.at FROM room_tops x WHERE x.room = m.room OFFSET 0) AS t ON true';

/**
 * The summary of a room for its member `m`. The user's own messages are not unread; the JSON of a
 * sender begins with the id. If its history began late, everything before the first stored message
 * above the cursor counts as delivered: it was never stored, and waits for nobody.
 */
const SUMMARY = `
  ${ROOM_COLUMNS}, coalesce(t.top, 0) AS top, u.unread,
         CASE WHEN r.history_from > r.created_at AND t.top > coalesce(c.delivered, 0) THEN greatest(c.delivered, (
           SELECT s."offset" - 1 FROM messages s WHERE s.room = m.room AND s."offset" > coalesce(c.delivered, 0) ORDER BY s."offset" LIMIT 1
         ), 0) ELSE coalesce(c.delivered, 0) END AS delivered,
         CASE WHEN r.kind IN (${WISHED_KINDS}) AND NOT r.keep_history THEN
           (SELECT CASE p.user_id WHEN m.user_id THEN 'mine' ELSE 'theirs' END FROM pairs p WHERE p.room = m.room AND p.wants_history LIMIT 1)
         END AS history_wish`;
const SUMMARY_SOURCES = `
    JOIN rooms r USING (room)
    ${TOP}
    LEFT JOIN cursors c ON c.user_id = m.user_id AND c.room = m.room
    CROSS JOIN LATERAL (
      SELECT count(*) AS unread FROM (
        SELECT 1 FROM messages s
         WHERE r.keep_history AND t.top > coalesce(c.delivered, 0) AND s.room = m.room AND s."offset" > coalesce(c.delivered, 0)
           AND NOT starts_with(s.sender, '{"id":' || to_json(m.user_id)::text || ',')
         LIMIT ${UNREAD_MAX}
      ) AS above
    ) AS u`;

/** The summary of the open room `$2` for user `$1`. */
const SUMMARY_OF = `SELECT ${SUMMARY} FROM room_members m ${SUMMARY_SOURCES} WHERE m.user_id = $1 AND m.room = $2 AND r.closed_at IS NULL`;

/**
 * A page of the open rooms of user `$1`: at most `$5`, after the place of activity `$3` and room
 * `$4`. `$2` is the newest activity of the first page. If a room has newer messages, its place is
 * that of its newest message until `$2`. Unread messages are counted only for the rooms of the
 * page. `$6`: with the ended rooms of `ENDED_KINDS`. Exported for the test of its plan.
 */
export const ROOMS_PAGE = `
  WITH mine AS (
    SELECT r.room, m.user_id,
           CASE WHEN t.at > $2::bigint THEN greatest(r.created_at, (
             SELECT s.at FROM messages s WHERE s.room = r.room AND s.at <= $2 ORDER BY s."offset" DESC LIMIT 1
           )) ELSE greatest(r.created_at, t.at) END AS activity
      FROM room_members m JOIN rooms r USING (room) ${TOP}
     WHERE m.user_id = $1 AND (r.closed_at IS NULL OR ($6::boolean AND r.keep_history AND r.kind IN (${ENDED_KINDS})))
  ), m AS MATERIALIZED (
    SELECT room, user_id, activity FROM mine
     WHERE $3::bigint IS NULL OR activity < $3 OR (activity = $3 AND room > $4::text COLLATE "C")
     ORDER BY activity DESC, room LIMIT $5
  )
  SELECT m.activity, ${SUMMARY} FROM m ${SUMMARY_SOURCES} ORDER BY m.activity DESC, m.room`;

/** If a crowd enters or publishes at once, a few statements ask for all. */
const ASKED = { windowMs: 1, sizeMax: 500, queueMax: 50_000, parallel: 2 };

/**
 * The relation of users (`$2`) to rooms (`$1`): a row for each question about an existing room.
 * Beside the user's own row it reads the two or three members of private rooms only. Exported for
 * the test of its plan.
 */
export const STANDING = `
  SELECT q.n, ${ROOM_COLUMNS}, m.user_id IS NOT NULL AS is_member, p.members
    FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS q (room, user_id, n)
    JOIN rooms r ON r.room = q.room
    LEFT JOIN room_members m ON m.room = q.room AND m.user_id = q.user_id
    LEFT JOIN LATERAL (
      SELECT array_agg(o.user_id ORDER BY o.seq) AS members FROM room_members o WHERE o.room = r.room AND r.kind IN (${PRIVATE_KINDS})
    ) AS p ON true`;

type StandingRow = RoomRow & { readonly n: number; readonly is_member: boolean; readonly members: readonly string[] | null };

interface Question {
  readonly room: string;
  readonly user: string | undefined;
}

/** Managed rooms in PostgreSQL. */
export class PostgresRooms implements RoomStore {
  readonly #database: Database;
  readonly #asker: GroupedReads<Question, RoomStanding | undefined>;
  readonly #checker: GroupedReads<Question, RoomStanding | undefined>;

  /**
   * `messaging`: the connections on the path between a message and its `ack`. `following`: those
   * that follow changes.
   */
  constructor(database: Database, messaging: Database, following: Database) {
    this.#database = database;
    const asker = (through: Database, parallel: number): GroupedReads<Question, RoomStanding | undefined> =>
      new GroupedReads({
        ...ASKED,
        parallel,
        timeoutMs: through.timeoutMs,
        read: (questions, deadline) => ask(through, questions, deadline),
      });
    this.#asker = asker(messaging, ASKED.parallel);
    this.#checker = asker(following, 1);
  }

  standing(room: string, user?: string): Promise<RoomStanding | undefined> {
    return this.#asker.ask({ room, user });
  }

  recheck(room: string, user: string): Promise<RoomStanding | undefined> {
    return this.#checker.ask({ room, user });
  }

  /** Resolves when every question so far is answered. */
  flush(): Promise<void> {
    return Promise.all([this.#asker.flush(), this.#checker.flush()]).then(() => undefined);
  }

  create(room: NewRoom, members: readonly Person[]): Promise<'created' | 'exists'> {
    return insert((sql, values) => this.#database.query(sql, values), room, members);
  }

  createGroup(room: NewRoom, members: readonly Person[], ownedMax: number): Promise<'created' | 'exists' | 'too-many'> {
    return this.#database.transaction(async (query) => {
      await query(OWNER_LOCK, [room.owner]);
      if ((await query('SELECT 1 FROM rooms WHERE room = $1', [room.room])).length > 0) return 'exists';
      const owned = await query(OWNED, [room.owner, ownedMax]);
      return owned.length >= ownedMax ? 'too-many' : insert(query, room, members);
    });
  }

  async get(room: string): Promise<RoomRecord | undefined> {
    const row = await this.#database.first<RoomRow>(`SELECT ${ROOM_COLUMNS} FROM rooms r WHERE r.room = $1`, [room]);
    return row && roomOf(row);
  }

  async members(room: string): Promise<Person[]> {
    return (await this.#database.query<MemberRow>(`SELECT ${MEMBER} FROM room_members m WHERE m.room = $1 ORDER BY m.seq`, [room])).map(
      memberOf,
    );
  }

  async membersOf(rooms: readonly string[]): Promise<ReadonlyMap<string, readonly Person[]>> {
    const rows = await this.#database.query<MemberRow & { room: string }>(
      `SELECT m.room, ${MEMBER} FROM room_members m WHERE m.room = ANY ($1::text[]) ORDER BY m.seq`,
      [rooms],
    );
    const members = new Map<string, Person[]>();
    for (const { room, ...row } of rows) {
      const list = members.get(room);
      if (list === undefined) members.set(room, [memberOf(row)]);
      else list.push(memberOf(row));
    }
    return members;
  }

  async withMembers(room: string): Promise<{ readonly room: RoomRecord; readonly members: readonly Person[] } | undefined> {
    // `kind` is the room's own column.
    const rows = await this.#database.query<RoomRow & { id: string | null; name: string; user_kind: string | null }>(
      `SELECT ${ROOM_COLUMNS}, m.user_id AS id, m.name, ${kindOf('m.user_id')} AS user_kind
         FROM rooms r LEFT JOIN room_members m USING (room) WHERE r.room = $1 ORDER BY m.seq`,
      [room],
    );
    const [first] = rows;
    const members = rows.flatMap(({ id, name, user_kind: kind }) => (id === null ? [] : [memberOf({ id, name, kind })]));
    return first && { room: roomOf(first), members };
  }

  async summary(user: string, room: string): Promise<RoomSummary | undefined> {
    const row = await this.#database.first<SummaryRow>(SUMMARY_OF, [user, room]);
    return row && summaryOf(row);
  }

  async of(
    user: string,
    { after, limit, ended = false }: { readonly after?: RoomPlace | undefined; readonly limit: number; readonly ended?: boolean },
  ): Promise<ListPage<RoomSummary, RoomPlace>> {
    const values = [user, after?.asOf ?? null, after?.at ?? null, after?.room ?? null, limit + 1, ended];
    const rows = await this.#database.query<SummaryRow & { readonly activity: number }>(ROOMS_PAGE, values);
    const asOf = after?.asOf ?? rows[0]?.activity ?? 0;
    return pageOf(rows, limit, { item: summaryOf, place: ({ activity, room }) => ({ asOf, at: activity, room }) });
  }

  async update(
    room: string,
    change: { readonly title?: string; readonly keepHistory?: boolean; readonly expiresAt?: number | null },
    now: number,
  ): Promise<RoomRecord | undefined> {
    const row = await this.#database.first<RoomRow>(
      `UPDATE rooms r SET title = coalesce($2, r.title), keep_history = coalesce($3, r.keep_history),
              history_from = CASE WHEN $3 AND NOT r.keep_history THEN $6::bigint WHEN coalesce($3, r.keep_history) THEN r.history_from END,
              expires_at = CASE WHEN $4::boolean THEN $5::bigint ELSE r.expires_at END
        WHERE r.room = $1 AND r.closed_at IS NULL
       RETURNING ${ROOM_COLUMNS}`,
      [room, change.title ?? null, change.keepHistory ?? null, change.expiresAt !== undefined, change.expiresAt ?? null, now],
    );
    return row && roomOf(row);
  }

  addMembers(room: string, members: readonly Person[], membersMax: number): Promise<'added' | 'too-many' | 'closed'> {
    const ids = members.map(({ id }) => id);
    return this.#database.transaction(async (query) => {
      if ((await query(ROOM_LOCK, [room])).length === 0) return 'closed';
      if ((await query(MEMBERS_WITH, [room, ids, membersMax + 1])).length > membersMax) return 'too-many';
      await query(JOIN, [room, ids, members.map(({ name }) => name)]);
      return 'added';
    });
  }

  async removeMembers(room: string, users: readonly string[]): Promise<readonly string[]> {
    const removed = await this.#database.query<{ id: string }>(
      'DELETE FROM room_members WHERE room = $1 AND user_id = ANY ($2::text[]) RETURNING user_id AS id',
      [room, users],
    );
    return removed.map(({ id }) => id);
  }

  async close(room: string, reason: EndReason, now: number): Promise<boolean> {
    const closed = await this.#database.query(
      `WITH done AS (
         UPDATE rooms SET closed_at = $2, closed_reason = $3
          WHERE room = $1 AND closed_at IS NULL AND ($3 <> 'expired' OR expires_at <= $2) RETURNING room
       ), freed AS (
         DELETE FROM pairs p USING done WHERE p.room = done.room
       ), ended AS (
         UPDATE conversations c SET state = 'closed' FROM done WHERE c.room = done.room
       )
       SELECT 1 FROM done`,
      [room, now, reason],
    );
    return closed.length > 0;
  }

  async overdue(now: number, limit: number): Promise<string[]> {
    const rows = await this.#database.query<{ room: string }>(
      'SELECT room FROM rooms WHERE closed_at IS NULL AND expires_at <= $1 ORDER BY expires_at LIMIT $2',
      [now, limit],
    );
    return rows.map(({ room }) => room);
  }

  expiring(after: RoomEnd, until: number, limit: number): Promise<RoomEnd[]> {
    return this.#database.query<{ room: string; expiresAt: number }>(
      `SELECT room, expires_at AS "expiresAt" FROM rooms
        WHERE closed_at IS NULL AND (expires_at, room) > ($1::bigint, $2::text) AND expires_at <= $3
        ORDER BY expires_at, room LIMIT $4`,
      [after.expiresAt, after.room, until, limit],
    );
  }
}

async function ask(database: Database, questions: readonly Question[], deadline: number): Promise<(RoomStanding | undefined)[]> {
  const rows = await database.query<StandingRow>(STANDING, [questions.map(({ room }) => room), questions.map(({ user }) => user ?? null)], {
    deadline,
    name: 'standing',
  });
  const answers: (RoomStanding | undefined)[] = questions.map(() => undefined);
  for (const row of rows) answers[row.n - 1] = { room: roomOf(row), isMember: row.is_member, privateMembers: row.members ?? [] };
  return answers;
}

async function insert(query: Query, room: NewRoom, members: readonly Person[]): Promise<'created' | 'exists'> {
  const made = await query(
    `WITH made AS (
       INSERT INTO rooms (room, kind, title, owner, keep_history, history_from, created_at, expires_at)
       VALUES ($1, $2, $3, $4, $5, CASE WHEN $5 THEN $6::bigint END, $6, $7)
       ON CONFLICT (room) DO NOTHING RETURNING room
     ), joined AS (
       INSERT INTO room_members (room, user_id, name)
       SELECT made.room, m.id, m.name FROM made, unnest($8::text[], $9::text[]) WITH ORDINALITY AS m (id, name, n) ORDER BY m.n
       ON CONFLICT DO NOTHING
     )
     SELECT 1 FROM made`,
    [
      room.room,
      room.kind,
      room.title,
      room.owner,
      room.keepHistory,
      room.createdAt,
      room.expiresAt ?? null,
      members.map(({ id }) => id),
      members.map(({ name }) => name),
    ],
  );
  return made.length > 0 ? 'created' : 'exists';
}

function memberOf({ id, name, kind }: MemberRow): Person {
  return { id, name, ...kindMember(kind) };
}

function summaryOf(row: SummaryRow): RoomSummary {
  return { ...roomOf(row), top: row.top, unread: row.unread, delivered: row.delivered, historyWish: row.history_wish ?? undefined };
}
