import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { loadConfig } from '#libs/config/config.ts';
import type { Environment } from '#libs/config/environment.ts';
import { secretBits } from '#libs/config/secret-strength.ts';
import type { Role } from '#libs/config/setting.ts';
import { warningText } from '#libs/protocol/setting-warnings.ts';

/** Random to whoever does not know the word. */
const random = (word: string) => createHash('sha512').update(word).digest();
const SECRET = random('secret').toString('base64');
const GOOD: Environment = {
  REDIS_URL: 'redis://127.0.0.1',
  DATABASE_URL: 'postgres://localhost/parley',
  SMTP_URL: 'smtp://localhost',
  JWT_SECRET: SECRET,
  ADMIN_HOST: '127.0.0.1',
};

function warnings(env: Environment, role: Role = 'api'): readonly string[] {
  return loadConfig(role, { ...GOOD, ...env }).warnings.map(warningText);
}

describe('what a careful operator would change', () => {
  it.each(['all-in-one', 'gateway', 'api', 'worker', 'migrate'] as const)('is nothing where %s is set up with care', (role) => {
    const env = {
      REDIS_URL: 'rediss://:word@redis.example',
      DATABASE_URL: 'postgres://u:p@db.example/parley?sslmode=verify-full',
      PUBLIC_URL: 'https://chat.example/talk',
      ALLOWED_ORIGINS: 'https://shop.example,http://localhost:5173,capacitor://localhost',
      API_KEYS: `shop:${random('a').toString('hex')},bot:${random('b').toString('hex')}`,
      ADMIN_PASSWORD: random('c').toString('base64').slice(0, 16),
      ADMIN_HOST: '0.0.0.0',
    };
    expect(warnings(env, role)).toEqual([]);
    expect(warnings({}, role)).toEqual([]);
  });

  it.each([
    [{ PUBLIC_URL: 'http://chat.example' }, 'PUBLIC_URL is http'],
    [{ ALLOWED_ORIGINS: 'https://a.example,http://b.example' }, 'ALLOWED_ORIGINS has pages of http: http://b.example.'],
    [{ ALLOWED_ORIGINS: '*' }, 'ALLOWED_ORIGINS is *'],
    [{ REDIS_URL: 'redis://:word@10.0.0.7:6379/1' }, 'REDIS_URL has no TLS to another machine (10.0.0.7)'],
    [{ REDIS_URL: 'redis+cluster://127.0.0.1:1,b.example:2' }, 'REDIS_URL has no TLS to another machine (b.example)'],
    [{ REDIS_URL: 'redis+sentinel://:w@a.example:1,b.example/main' }, 'REDIS_URL has no TLS to another machine (a.example, b.example)'],
    [{ DATABASE_URL: 'postgres://u:w@db.example:5432/parley' }, 'DATABASE_URL has no TLS to another machine (db.example)'],
    [{ DATABASE_URL: 'postgresql://db.example/parley?sslmode=disable' }, 'DATABASE_URL has no TLS to another machine (db.example)'],
    [{ ADMIN_HOST: '' }, 'ADMIN_PORT is open beyond this machine without a password (ADMIN_HOST is not set)'],
    [{ ADMIN_HOST: '10.0.0.1' }, 'ADMIN_PORT is open beyond this machine without a password (ADMIN_HOST is 10.0.0.1)'],
    [{ JWT_SECRET: 'a'.repeat(64) }, 'JWT_SECRET has little entropy'],
    [{ API_KEYS: `shop:${'0123456789'.repeat(4)},bot:${random('b').toString('hex')}` }, 'API_KEYS has keys of little entropy: shop.'],
    [
      { API_KEYS: `shop:${random('b').toString('hex')},bot:${random('b').toString('hex')}` },
      'API_KEYS has one key for several services: shop, bot.',
    ],
    [{ ADMIN_PASSWORD: 'passwordpassword' }, 'ADMIN_PASSWORD has little entropy'],
    [
      { API_KEYS: `shop:${random('x').toString('hex')}`, JWT_SECRET: random('x').toString('hex') },
      'API_KEYS: the key of shop is another secret',
    ],
    [{ ADMIN_PASSWORD: SECRET }, 'ADMIN_PASSWORD is another secret'],
  ])('is one line each: %j', (env, beginning) => {
    const found = warnings(env);
    expect(found).toEqual([expect.stringContaining(beginning)]);
    expect(found[0]).not.toMatch(/\n|word@|u:w/);
    expect(found[0]).not.toContain(SECRET);
  });

  it('looks at what a program has', () => {
    expect(warnings({ ADMIN_HOST: '' }, 'all-in-one')).toEqual([]);
    expect(warnings({ ADMIN_HOST: '' }, 'migrate')).toEqual([]);
    expect(warnings({ PUBLIC_URL: 'http://chat.example' }, 'worker')).toEqual([]);
    for (const DATABASE_URL of ['postgres:///parley?host=/run/postgresql', 'postgres://%2Frun%2Fpostgresql/parley'])
      expect(warnings({ DATABASE_URL }, 'migrate'), DATABASE_URL).toEqual([]);
    expect(warnings({ JWT_SECRET: 'short' }, 'all-in-one')).toEqual([expect.stringContaining('JWT_SECRET can be guessed')]);
  });
});

describe('the estimate of a secret', () => {
  it('takes every random key of 128 bits or more for one', () => {
    for (let n = 0; n < 500; n++) {
      const bytes = random(String(n));
      for (const key of [
        bytes.toString('hex').slice(0, 32),
        bytes.toString('base64').slice(0, 32),
        bytes.toString('base64url'),
        bytes.toString('hex').toUpperCase(),
        bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12}).*$/, '$1-$2-$3-$4-$5'),
      ])
        expect(secretBits(key), key).toBeGreaterThan(80);
    }
  });

  it.each([
    '',
    'a'.repeat(64),
    'ab'.repeat(32),
    'abc'.repeat(20),
    '0123456789'.repeat(5),
    '0123456789abcdef0123456789abcdef',
    'abcdefghijklmnopqrstuvwxyz0123456789',
    'ZYXWVUTSRQPONMLKJIHGFEDCBA9876543210',
    'aaaaaaaaaaaaaaaabbbbbbbbbbbbbbbbcccccccccccccccc',
    'passwordpasswordpasswordpassword',
    'my-super-secret-jwt-signing-key-for-production',
    'this-is-my-secret-key-that-is-very-long',
    'correct horse battery staple correct horse',
    'qwertyuiopasdfghjklzxcvbnmqwertyuiop',
    `${'x'.repeat(40)}y`,
    '11111111-1111-1111-1111-111111111111',
  ])('takes %s for none', (secret) => {
    expect(secretBits(secret)).toBeLessThan(80);
  });
});
