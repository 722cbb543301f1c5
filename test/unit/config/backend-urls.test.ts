import { describe, expect, it } from 'vitest';
import { ConfigError, loadConfig } from '#libs/config/config.ts';
import { parseDatabaseUrl } from '#libs/config/database-url.ts';
import type { Environment } from '#libs/config/environment.ts';
import type { Role } from '#libs/config/setting.ts';

const SECRET = '0123456789abcdef0123456789abcdef';
const GATEWAY = { REDIS_URL: 'redis://localhost:6379', DATABASE_URL: 'postgres://u:p@localhost/parley', JWT_SECRET: SECRET };

function problems(role: Role, env: Environment): readonly string[] {
  try {
    loadConfig(role, env);
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
  return [];
}

describe('a Redis URL', () => {
  it.each([
    'redis://h',
    'redis://127.0.0.1:6379/2',
    'rediss://user:p%40ss@h.example:6380',
    'redis://[::1]:6379',
    'redis+sentinel://a:1,b:2,c/main',
    'rediss+sentinel://:pw@a:1/main/3',
    'redis+cluster://a:1,b:2',
    'rediss+cluster://u:p@a:1',
  ])('may be %s', (REDIS_URL) => {
    expect(loadConfig('gateway', { ...GATEWAY, REDIS_URL }).redisUrl).toBe(REDIS_URL);
  });

  it.each([
    'h:6379',
    'http://h',
    'redis://',
    'redis+sentinel://a:1',
    'redis+sentinel://a:1/',
    'redis+cluster://',
    'redis://a:1,b:2',
    'redis+cluster://a:1/main',
  ])('may not be %s', (REDIS_URL) => {
    expect(problems('gateway', { ...GATEWAY, REDIS_URL })).toEqual([expect.stringMatching(/^REDIS_URL takes redis:/)]);
  });
});

describe('what is not understood in a URL', () => {
  const SMTP = { SMTP_URL: 'smtp://h' };
  it.each([
    ['REDIS_URL', 'redis://h?password=hunter2', 'the parameter password is not known: write it before the host'],
    ['REDIS_URL', 'redis://h/0?tls=true', 'the parameter tls is not known: TLS is rediss'],
    ['REDIS_URL', 'redis+cluster://h?db=3', 'the parameter db is not known'],
    ['REDIS_URL', 'redis+sentinel://h/m?sentinelpassword=hunter2', 'the parameter sentinelpassword is not known, only sentinelPassword'],
    ['REDIS_URL', 'redis+sentinel://h/m?sentinelPassword=a&sentinelPassword=b', 'the parameter sentinelPassword is given twice'],
    ['REDIS_URL', 'redis://:hunter2%@h', 'the password has a % that begins no character'],
    ['REDIS_URL', 'redis://hunter2%zz:x@h', 'the user has a % that begins no character'],
    ['REDIS_URL', 'redis+sentinel://h/%e4', 'the path has a % that begins no character'],
    ['REDIS_URL', 'redis://:hunter2?x=@h', 'written %40, %2F or %3F'],
    ['REDIS_URL', 'redis://:hunter2#x@h', 'written %23'],
    ['REDIS_URL', 'redis://hunter2@h', 'a user needs a password'],
    ['REDIS_URL', 'redis://h?hunter2hunter2=1', 'a parameter is not known'],
    ['DATABASE_URL', 'postgres://u:hunter2%@h/d', 'the password has a % that begins no character'],
    ['DATABASE_URL', 'postgres://u:p@h/d?statement_timeout=5', 'the parameter statement_timeout is not known'],
    ['DATABASE_URL', 'postgres://u:p@h/d?ssl=true', 'write sslmode=verify-full'],
    ['DATABASE_URL', 'postgres://u:p@h/d?sslmode=maybe', 'sslmode takes disable or'],
    ['DATABASE_URL', 'postgres://u:p@h/d?target_session_attrs=standby', 'target_session_attrs takes read-write or'],
    ['DATABASE_URL', 'postgres://u:p@h,/d', 'each host is a name or an address'],
    ['DATABASE_URL', 'postgres://u:p@h:0/d', 'each host is a name or an address'],
    ['DATABASE_URL', 'postgres://u:p@h/d/e', 'it must end with /database'],
    ['DATABASE_URL', 'postgres:///d', 'it names no host'],
    ['SMTP_URL', 'smtp://u:hunter2%@h', 'the password has a %'],
    ['SMTP_URL', 'smtp://h?secure=true', 'TLS is smtps'],
    ['SMTP_URL', 'smtp://h/x', 'nothing may follow the host'],
    ['SMTP_URL', 'smtp://h,i', 'it may name only one host'],
    ['JWT_JWKS_URL', 'https://u:hunter2@h/keys', 'no user and no password'],
    ['JWT_JWKS_URL', 'https://h/%zz', 'written %25'],
    ['DASHBOARD_URL', 'https://h/a b', 'no spaces'],
  ])('of %s is refused by name: %s', (name, value, reason) => {
    const env = { ...GATEWAY, ...SMTP, JWT_ISSUER: 'i', JWT_AUDIENCE: 'a', [name]: value };
    const found = problems('worker', env);
    expect(found).toHaveLength(1);
    expect(found[0]).toMatch(new RegExp(`^${name} takes `));
    expect(found[0]).toContain(reason);
    expect(found[0]).not.toContain('hunter2');
  });

  it('is told together with all other problems', () => {
    const found = problems('worker', {
      ...GATEWAY,
      REDIS_URL: 'redis://h?x=1',
      DATABASE_URL: 'postgres://h/%',
      SMTP_URL: 'smtp://%',
      PORT: 'x',
    });
    expect(found.map((line) => line.split(' ')[0])).toEqual(['PORT', 'REDIS_URL', 'DATABASE_URL', 'SMTP_URL']);
  });
});

describe('a database URL', () => {
  it.each([
    'postgres://u:p@h/d',
    'postgresql://h:1/d',
    'postgres://u:p%40@h1:5432,h2:5433,[::1]:5/d?target_session_attrs=read-write&sslmode=require',
    'postgres:///d?host=/run/postgresql',
    'postgres://u@%2Frun%2Fpostgresql/d',
    'postgres://h/d%20e?application_name=chat',
  ])('may be %s', (DATABASE_URL) => {
    expect(loadConfig('gateway', { ...GATEWAY, DATABASE_URL }).databaseUrl).toBe(DATABASE_URL);
  });

  it('is taken apart', () => {
    expect(parseDatabaseUrl('postgres://u:p%40@h1,h2:5433/d%20e?sslmode=require&sslrootcert=/ca.pem')).toEqual({
      hosts: [
        { host: 'h1', port: 5432 },
        { host: 'h2', port: 5433 },
      ],
      user: 'u',
      password: 'p@',
      database: 'd e',
      readWrite: true,
      applicationName: undefined,
      tls: { verify: true, direct: false, caFile: '/ca.pem', certFile: undefined, keyFile: undefined },
    });
    expect(parseDatabaseUrl('postgres://h/d?target_session_attrs=any')).toMatchObject({ readWrite: false, tls: undefined });
  });
});
