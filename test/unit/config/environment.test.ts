import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { ConfigError, loadConfig } from '#libs/config/config.ts';
import type { Environment } from '#libs/config/environment.ts';
import type { Setting } from '#libs/config/setting.ts';
import { SETTINGS } from '#libs/config/settings.ts';

const SECRET = 'Zm9yIHRlc3RzIG9ubHk6IDMyIGJ5dGVzIGF0IGxlYXN0';
const KEY = 'Zm9yIHRlc3RzIG9ubHk6IGtleSBvZiB0aGUgc2hvcA';
const TEXTS: Readonly<Record<string, string>> = {
  REDIS_URL: 'redis://:pass@127.0.0.1',
  PREVIOUS_REDIS_URL: 'redis://:pw@before:6379',
  DATABASE_URL: 'postgres://u:p@127.0.0.1/parley',
  SMTP_URL: 'smtp://127.0.0.1',
  API_KEYS: `shop:${KEY}`,
  ADMIN_PASSWORD: 'correct horse battery',
  PROMETHEUS_CREDENTIAL: 'oncall:correct-horse',
  OTEL_EXPORTER_OTLP_HEADERS: 'authorization=Bearer%20correct-horse',
  JWT_SECRET: SECRET,
};
const NAMES = Object.values<Setting<unknown>>(SETTINGS)
  .filter(({ secret }) => secret)
  .map(({ name }) => name);

const folder = mkdtempSync(join(tmpdir(), 'parley-secrets-'));
afterAll(() => rmSync(folder, { recursive: true }));

function file(content: string | Uint8Array): string {
  const path = join(folder, `secret-${Math.random()}`);
  writeFileSync(path, content);
  return path;
}

/** What a worker says to an environment that lacks nothing but what the test is about. */
function problems(env: Environment): readonly string[] {
  const { REDIS_URL, DATABASE_URL, SMTP_URL } = TEXTS;
  try {
    loadConfig('worker', { REDIS_URL, DATABASE_URL, SMTP_URL, ...env });
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
  return [];
}

describe('a secret in a file', () => {
  it('is taken for every setting that is a secret', () => {
    expect(NAMES.toSorted()).toEqual(Object.keys(TEXTS).toSorted());
    const files = Object.fromEntries(NAMES.map((name) => [`${name}_FILE`, file(`${TEXTS[name]}\n`)]));
    const { nodeId: _, ...fromFiles } = loadConfig('worker', files);
    const { nodeId: __, ...fromVariables } = loadConfig('worker', TEXTS);
    expect(fromFiles).toEqual(fromVariables);
  });

  it.each(['\n', '\r\n', ''])('ends before its last line break: %j', (end) => {
    expect(loadConfig('all-in-one', { ADMIN_PASSWORD_FILE: file(`two\nlines of it${end}`) }).adminPassword).toBe('two\nlines of it');
  });

  it('is not taken beside the variable itself', () => {
    const path = file(SECRET);
    expect(problems({ JWT_SECRET: SECRET, JWT_SECRET_FILE: path })).toEqual([
      'JWT_SECRET and JWT_SECRET_FILE are both set: leave one of them out.',
    ]);
    expect(problems({ JWT_SECRET: '', JWT_SECRET_FILE: path })).toEqual([]);
    expect(problems({ JWT_SECRET: SECRET, JWT_SECRET_FILE: ' ' })).toEqual([]);
  });

  it('is named with its path and what is wrong, and never shown', () => {
    const unusable: readonly (readonly [string, string])[] = [
      [join(folder, 'absent'), 'cannot be read (ENOENT)'],
      [folder, 'cannot be read (EISDIR)'],
      [join(file('x'), 'below'), 'cannot be read (ENOTDIR)'],
      [file(''), 'is empty'],
      [file(' \n\n'), 'is empty'],
      [file(Buffer.alloc(32, 0xe9)), 'is not text in UTF-8: write random bytes as base64 or hex'],
      ['/dev/zero', 'has more than 65536 bytes'],
    ];
    for (const [path, fault] of unusable) {
      expect(problems({ JWT_SECRET_FILE: path })).toEqual([
        `JWT_SECRET_FILE takes the path of a file with JWT_SECRET in it: ${JSON.stringify(path)} ${fault}.`,
      ]);
    }
    for (const [name, text] of [
      ['JWT_SECRET', 'short-and-secret'],
      ['API_KEYS', 'shop:short-and-secret'],
      ['ADMIN_PASSWORD', 'sh0rt-secr'],
      ['REDIS_URL', 'redis://u:short-and-secret@host:x'],
    ] as const) {
      const { REDIS_URL: _, ...others } = { ...TEXTS, [name]: undefined };
      const said = problems({ ...others, REDIS_URL: name === 'REDIS_URL' ? undefined : TEXTS['REDIS_URL'], [`${name}_FILE`]: file(text) });
      expect(said).toEqual([expect.stringMatching(new RegExp(`^${name} takes `))]);
      expect(said.join()).not.toMatch(/short-and|sh0rt/);
    }
  });

  it('is for secrets alone', () => {
    expect(loadConfig('all-in-one', { REDIS_PREFIX_FILE: join(folder, 'absent') }).redisPrefix).toBe('parley:');
  });
});
