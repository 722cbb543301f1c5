import { expect, it } from 'vitest';
import { StatementNames } from '#libs/store/statement-names.ts';

it.each([
  ['BEGIN; SET LOCAL statement_timeout = 5', 'begin'],
  ['COMMIT', 'commit'],
  ['ROLLBACK', 'rollback'],
  ['SELECT 1', 'other'],
  ['SELECT * FROM unnest($1::text[]) i LEFT JOIN room_tops t ON t.room = i.room', 'select room_tops'],
  ['SELECT * FROM rooms r WHERE r.room = $1 FOR UPDATE SKIP LOCKED', 'select rooms'],
  ['WITH k AS (INSERT INTO message_keys (room) SELECT 1), s AS (INSERT INTO messages (room) SELECT 1) SELECT 1', 'insert messages'],
  ['INSERT INTO seen (id) VALUES ($1) ON CONFLICT (id) DO UPDATE SET at = excluded.at', 'insert seen'],
  ['UPDATE agents SET password_hash = $2', 'update agents'],
  ['DELETE FROM login_tickets WHERE hash = $1', 'delete login_tickets'],
  ['DROP TABLE IF EXISTS messages_2026_11', 'other'],
  ["SELECT 1 FROM pg_class WHERE oid = to_regclass('x')", 'other'],
])('%s is named %s', (sql, name) => {
  expect(new StatementNames().of(sql)).toBe(name);
});

it('names as many statements as come, and remembers a thousand', () => {
  const names = new StatementNames();
  for (let n = 0; n < 3000; n += 1) expect(names.of(`SELECT ${n} FROM users`)).toBe('select users');
});
