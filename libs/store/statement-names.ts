/** Names of statements for metrics: a verb and a table of a fixed list. */

/** The tables of the migrations, without partitions. */
export const TABLES: ReadonlySet<string> = new Set([
  ...['absences', 'agents', 'conversations', 'cursors', 'customers', 'event_consumers', 'events', 'idempotent_answers'],
  ...['login_attempts', 'login_codes', 'login_families', 'login_tickets', 'login_tries', 'message_keys', 'messages'],
  ...['pair_findable', 'pair_partners', 'pair_queue', 'pairs', 'room_changes', 'room_events', 'room_members', 'room_tops'],
  ...['rooms', 'sanctions', 'seen', 'taken_names', 'users'],
]);

/** Tables that are written and read beside others: a statement has their name if it has no other. */
const BESIDE: ReadonlySet<string> = new Set(['message_keys', 'room_tops', 'events']);

const WRITE = /\b(INSERT)\s+INTO\s+(\w+)|\b(UPDATE)\s+(?:ONLY\s+)?(\w+)|\b(DELETE)\s+FROM\s+(?:ONLY\s+)?(\w+)/g;
const READ = /\b(?:FROM|JOIN)\s+(?:ONLY\s+)?(\w+)/g;
const ALONE = /^\s*(BEGIN|COMMIT|ROLLBACK|LOCK)\b/;

/** Statements whose names are remembered. Their texts are constants, so there are few. */
const NAMES_MAX = 1000;

/**
 * Names statements. A statement that writes is named for its first write, any other for the first
 * table that it reads: `insert messages`, `select rooms`. Further names: `begin`, `commit`,
 * `rollback`, `lock`, and `other` for all that name no table.
 */
export class StatementNames {
  readonly #known = new Map<string, string>();

  /** Returns the name of a statement, given its SQL. */
  of(sql: string): string {
    let name = this.#known.get(sql);
    if (name === undefined) {
      name = nameOf(sql);
      if (this.#known.size < NAMES_MAX) this.#known.set(sql, name);
    }
    return name;
  }
}

function nameOf(sql: string): string {
  const [, alone] = ALONE.exec(sql) ?? [];
  if (alone !== undefined) return alone.toLowerCase();
  const writes = [...sql.matchAll(WRITE)].map(([, insert, into, update, updated, remove, from]) => ({
    verb: (insert ?? update ?? remove ?? '').toLowerCase(),
    table: into ?? updated ?? from ?? '',
  }));
  const reads = [...sql.matchAll(READ)].map(([, table = '']) => ({ verb: 'select', table }));
  const found = mainOf(writes) ?? mainOf(reads);
  return found === undefined ? 'other' : `${found.verb} ${found.table}`;
}

interface Step {
  readonly verb: string;
  readonly table: string;
}

function mainOf(steps: readonly Step[]): Step | undefined {
  const known = steps.filter(({ table }) => TABLES.has(table));
  return known.find(({ table }) => !BESIDE.has(table)) ?? known[0];
}
