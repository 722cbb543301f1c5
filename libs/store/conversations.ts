import type { Person } from '#libs/protocol/frame-types.ts';
import type { ManagedRoomKind } from '#libs/protocol/room-kinds.ts';
import type {
  ConversationCounts,
  ConversationFilter,
  ConversationPlace,
  ConversationRecord,
  ConversationState,
  ConversationStore,
  NewConversation,
} from './conversation-store.ts';
import type { Database, Query } from './database.ts';
import { type ListPage, pageOf } from './list-page.ts';

/** The kind of a conversation's room. */
const KIND: ManagedRoomKind = 'conv';

/**
 * One assignment at a time, over all processes: each must see the number of conversations after the
 * one before.
 */
const LOCK = 'SELECT pg_advisory_xact_lock(7250113, 3)';

/** One new conversation of a customer at a time: two requests at the same moment see each other. */
const CUSTOMER_LOCK = 'SELECT pg_advisory_xact_lock(7250115, hashtext($1))';

/** Rows that are counted at most. */
const COUNT_MAX = 1000;

type ConversationRow = {
  room: string;
  subject: string;
  state: ConversationState;
  customer_id: string;
  customer_name: string;
  agent_id: string | null;
  agent_name: string | null;
  created_at: number;
  ended_at: number | null;
};

const COLUMNS = `c.room, c.subject, c.state, c.customer_id, c.customer_name, c.agent_id, c.agent_name, c.created_at,
  (SELECT r.closed_at FROM rooms r WHERE r.room = c.room) AS ended_at`;

/** Conversations in PostgreSQL. */
export class PostgresConversations implements ConversationStore {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  open({ room, subject, customer, now, further, openMax }: NewConversation): Promise<'made' | 'too-many' | ConversationRecord> {
    return this.#database.transaction(async (query) => {
      await query(CUSTOMER_LOCK, [customer.id]);
      const [before] = await query<ConversationRow>(`SELECT ${COLUMNS} FROM conversations c WHERE c.room = $1`, [room]);
      if (before !== undefined) return conversationOf(before);
      const opened = await query<ConversationRow>(
        `SELECT ${COLUMNS} FROM conversations c WHERE c.customer_id = $1 AND c.state <> 'closed' ORDER BY c.created_at DESC, c.seq DESC LIMIT $2`,
        [customer.id, openMax],
      );
      if (opened[0] !== undefined && !further) return conversationOf(opened[0]);
      if (opened.length >= openMax) return 'too-many';
      await query(
        `WITH made AS (
           INSERT INTO rooms (room, kind, title, owner, keep_history, history_from, created_at) VALUES ($1, '${KIND}', $2, $3, true, $5, $5)
         ), joined AS (
           INSERT INTO room_members (room, user_id, name) VALUES ($1, $3, $4)
         )
         INSERT INTO conversations (room, subject, state, customer_id, customer_name, created_at) VALUES ($1, $2, 'queued', $3, $4, $5)`,
        [room, subject, customer.id, customer.name, now],
      );
      return 'made';
    });
  }

  async get(room: string): Promise<ConversationRecord | undefined> {
    const row = await this.#database.first<ConversationRow>(`SELECT ${COLUMNS} FROM conversations c WHERE c.room = $1`, [room]);
    return row && conversationOf(row);
  }

  async hasCustomerOf(room: string, agent: string): Promise<boolean> {
    const found = await this.#database.first(
      `SELECT 1 FROM conversations ended JOIN conversations o ON o.customer_id = ended.customer_id
        WHERE ended.room = $1 AND ended.state = 'closed' AND o.agent_id = $2 AND o.state = 'assigned' LIMIT 1`,
      [room, agent],
    );
    return found !== undefined;
  }

  async list(filter: ConversationFilter): Promise<ListPage<ConversationRecord, ConversationPlace>> {
    const { sql, values } = conversationPage(filter);
    const rows = await this.#database.query<ConversationRow & { readonly seq: number }>(sql, values);
    return pageOf(rows, filter.limit, { item: conversationOf, place: ({ created_at, seq }) => ({ createdAt: created_at, seq }) });
  }

  assign(room: string, agents: readonly Person[], from?: ConversationState): Promise<ConversationRecord | undefined> {
    return this.#database.transaction(async (query) => {
      const before = await lockOpen(query, room);
      return before === undefined || (from ?? before.state) !== before.state ? undefined : assignTo(query, before, agents);
    });
  }

  reassign(room: string, from: string, agents: readonly Person[]): Promise<ConversationRecord | undefined> {
    return this.#database.transaction(async (query) => {
      const before = await lockOpen(query, room);
      if (before?.agent_id !== from) return undefined;
      return (await assignTo(query, before, agents)) ?? requeue(query, before);
    });
  }

  async queued(limit: number): Promise<ConversationRecord[]> {
    const rows = await this.#database.query<ConversationRow>(
      `SELECT ${COLUMNS} FROM conversations c WHERE c.state = 'queued' ORDER BY c.created_at, c.seq LIMIT $1`,
      [limit],
    );
    return rows.map(conversationOf);
  }

  async counts(): Promise<ConversationCounts> {
    const counted = (state: ConversationState) =>
      `(SELECT count(*) FROM (SELECT 1 FROM conversations WHERE state = '${state}' LIMIT ${COUNT_MAX}) AS counted) AS ${state}`;
    const counts = await this.#database.first<{ queued: number; assigned: number }>(`SELECT ${counted('queued')}, ${counted('assigned')}`);
    return counts ?? { queued: 0, assigned: 0 };
  }

  agentsAtWork(): Promise<Person[]> {
    return this.#database.query<{ id: string; name: string; kind: 'agent' }>(
      `SELECT agent_id AS id, min(agent_name) AS name, 'agent' AS kind FROM conversations WHERE state = 'assigned' GROUP BY agent_id`,
    );
  }

  async silent(since: number, limit: number): Promise<string[]> {
    const rows = await this.#database.query<{ room: string }>(
      `SELECT c.room FROM conversations c LEFT JOIN room_tops t ON t.room = c.room
        WHERE c.state IN ('queued', 'assigned') AND c.created_at < $1 AND coalesce(t.at, 0) < $1 ORDER BY c.created_at LIMIT $2`,
      [since, limit],
    );
    return rows.map(({ room }) => room);
  }
}

/**
 * The statement has only the conditions of the filter, because each combination has an index in its
 * order. Exported for the test of its plans.
 */
export function conversationPage({ state, agent, customer, after, limit }: ConversationFilter): {
  readonly sql: string;
  readonly values: readonly unknown[];
} {
  const values: unknown[] = [limit + 1];
  const value = (one: unknown) => `$${values.push(one)}`;
  const [behind, order] = state === 'queued' ? ['>', 'ASC'] : ['<', 'DESC'];
  const conditions = [
    ...(state === undefined ? [] : [`c.state = ${value(state)}`]),
    ...(agent === undefined ? [] : [`c.agent_id = ${value(agent)}`]),
    ...(customer === undefined ? [] : [`c.customer_id = ${value(customer)}`]),
    ...(after === undefined ? [] : [`(c.created_at, c.seq) ${behind} (${value(after.createdAt)}::bigint, ${value(after.seq)}::bigint)`]),
  ];
  const where = conditions.length === 0 ? '' : `WHERE ${conditions.join(' AND ')}`;
  return { sql: `SELECT ${COLUMNS}, c.seq FROM conversations c ${where} ORDER BY c.created_at ${order}, c.seq ${order} LIMIT $1`, values };
}

/**
 * Locks the conversation if it is open. Nobody else assigns any conversation until the transaction
 * ends.
 */
async function lockOpen(query: Query, room: string): Promise<ConversationRow | undefined> {
  await query(LOCK);
  const [row] = await query<ConversationRow>(
    `SELECT ${COLUMNS} FROM conversations c WHERE c.room = $1 AND c.state <> 'closed' FOR UPDATE`,
    [room],
  );
  return row;
}

async function assignTo(query: Query, before: ConversationRow, agents: readonly Person[]): Promise<ConversationRecord | undefined> {
  const { room } = before;
  const [agent] = await query<{ id: string; name: string }>(
    `SELECT a.id, a.name FROM unnest($2::text[], $3::text[]) WITH ORDINALITY AS a (id, name, n)
      ORDER BY (SELECT count(*) FROM conversations c WHERE c.agent_id = a.id AND c.state = 'assigned' AND c.room <> $1), a.n LIMIT 1`,
    [room, agents.map(({ id }) => id), agents.map(({ name }) => name)],
  );
  if (agent === undefined) return undefined;
  if (before.agent_id !== agent.id) await removeAgent(query, before);
  await query('INSERT INTO room_members (room, user_id, name) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING', [room, agent.id, agent.name]);
  const [after] = await query<ConversationRow>(
    `UPDATE conversations c SET state = 'assigned', agent_id = $2, agent_name = $3 WHERE c.room = $1 RETURNING ${COLUMNS}`,
    [room, agent.id, agent.name],
  );
  return after && conversationOf(after);
}

async function requeue(query: Query, before: ConversationRow): Promise<ConversationRecord | undefined> {
  await removeAgent(query, before);
  const [after] = await query<ConversationRow>(
    `UPDATE conversations c SET state = 'queued', agent_id = NULL, agent_name = NULL WHERE c.room = $1 RETURNING ${COLUMNS}`,
    [before.room],
  );
  return after && conversationOf(after);
}

async function removeAgent(query: Query, { room, agent_id }: ConversationRow): Promise<void> {
  if (agent_id !== null) await query('DELETE FROM room_members WHERE room = $1 AND user_id = $2', [room, agent_id]);
}

function conversationOf(row: ConversationRow): ConversationRecord {
  return {
    room: row.room,
    subject: row.subject,
    state: row.state,
    // Only customers open conversations, and only agents take them (R6).
    customer: { id: row.customer_id, name: row.customer_name, kind: 'customer' },
    agent: row.agent_id === null ? undefined : { id: row.agent_id, name: row.agent_name ?? '', kind: 'agent' },
    createdAt: row.created_at,
    ...(row.ended_at === null ? {} : { endedAt: row.ended_at }),
  };
}
