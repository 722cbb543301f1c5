/**
 * The least that an API can do for the same requests: Fastify, a pool, and the statements that are
 * needed. No schema, no limits, no mail queue, no check of tokens. A login still ends with a signed
 * token.
 *
 * Usage: `node bench/peers/bare-api.ts <redis url> <database url> <secret>`. Logs
 * `{"msg":"listening","port":N}`.
 */
import { createHash, randomBytes, randomUUID } from 'node:crypto';
import type { AddressInfo } from 'node:net';
import fastify from 'fastify';
import { Redis } from 'ioredis';
import pg from 'pg';
import { signToken } from '#bench/load/token.ts';
import { deriveKey } from '#libs/auth/tokens.ts';
import { codeHash, newCode } from '#services/api/account-name.ts';

const [redisUrl = '', databaseUrl = '', secret = ''] = process.argv.slice(2);
const CODE_MS = 600_000;
const FAMILY_MS = 2_592_000_000;
const redis = new Redis(redisUrl);
const pool = new pg.Pool({ connectionString: databaseUrl, max: 10 });
const key = deriveKey(secret, 'login codes');
const app = fastify();

function hashOf(account: string, code: string): string {
  return codeHash(key, account, code);
}

app.post<{ Body: { account: string } }>('/api/v1/auth/code', async ({ body: { account } }, reply) => {
  await pool.query(
    'INSERT INTO login_codes (account, hash, expires_at) VALUES ($1, $2, $3) ON CONFLICT (account) DO UPDATE SET hash = excluded.hash',
    [account, hashOf(account, newCode()), Date.now() + CODE_MS],
  );
  return reply.status(202).send({});
});

app.post<{ Body: { account: string; code: string } }>('/api/v1/auth/verify', async ({ body: { account, code } }, reply) => {
  const taken = await pool.query('DELETE FROM login_codes WHERE account = $1 AND hash = $2', [account, hashOf(account, code)]);
  const user = (await pool.query<{ id: string; name: string }>('SELECT id, name FROM users WHERE mail_key = $1', [account])).rows[0];
  if (taken.rowCount !== 1 || user === undefined) return reply.status(401).send({});
  const family = randomUUID();
  const refresh = `${family}.${randomBytes(32).toString('base64url')}`;
  await pool.query('INSERT INTO login_families (id, user_id, name, kind, expires_at, secret_hash) VALUES ($1, $2, $3, $4, $5, $6)', [
    family,
    user.id,
    user.name,
    'user',
    Date.now() + FAMILY_MS,
    createHash('sha256').update(refresh).digest('base64url'),
  ]);
  return { token: signToken(secret, user.id, Date.now()), refresh, user };
});

app.get<{ Params: { room: string }; Querystring: { before: string; limit: string } }>(
  '/api/v1/rooms/:room/messages',
  async ({ params, query }) => {
    const { rows } = await pool.query(
      'SELECT "offset", id, sender::json AS "from", text, at FROM messages WHERE room = $1 AND "offset" < $2 ORDER BY "offset" DESC LIMIT $3',
      [params.room, query.before, query.limit],
    );
    return { messages: rows.reverse() };
  },
);

app.post<{ Body: { to: { user: string } } }>('/api/v1/push', async ({ body }, reply) => {
  await redis.publish(`u:${body.to.user}`, JSON.stringify(body));
  return reply.status(202).send({});
});

await app.listen({ port: 0, host: '127.0.0.1' });
process.stdout.write(`${JSON.stringify({ msg: 'listening', port: (app.server.address() as AddressInfo).port })}\n`);
process.once('SIGTERM', () => process.exit(0));
