import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { ConfigError, loadConfig } from '#libs/config/config.ts';
import type { Environment } from '#libs/config/environment.ts';
import { keptSecret } from '#libs/config/own-folder.ts';
import type { Role } from '#libs/config/setting.ts';
import { SETTINGS } from '#libs/config/settings.ts';
import { warningText } from '#libs/protocol/setting-warnings.ts';

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

describe('the configuration', () => {
  it('of an all-in-one needs nothing', () => {
    const config = loadConfig('all-in-one', {});
    expect(config).toMatchObject({
      role: 'all-in-one',
      port: 8080,
      adminPort: 9090,
      adminHost: '127.0.0.1',
      allowGuests: true,
      openRooms: true,
    });
    expect(config).toMatchObject({
      messageMaxChars: 2000,
      conversationMaxChars: 2000,
      frameMaxBytes: 32_768,
      roomLimit: 100,
      sessions: 'multi',
      warnings: [],
    });
    expect(config.redisUrl).toBeUndefined();
    expect(config.allowedOrigins).toEqual([]);
  });

  it.each([
    [{}, 200, 2000],
    [{ FRAME_MAX_BYTES: '16384' }, 200, 1280],
    [{ FRAME_MAX_BYTES: '3424' }, 200, 200],
    [{ MESSAGE_MAX_CHARS: '2500' }, 2500, 2500],
    [{ MESSAGE_MAX_CHARS: '1' }, 1, 2000],
  ])(
    '[F2] of a gateway let texts of conversations be long, as far as they fit into a frame: %j',
    (env, messageMaxChars, conversationMaxChars) => {
      expect(loadConfig('gateway', { ...GATEWAY, ...env })).toMatchObject({ messageMaxChars, conversationMaxChars });
    },
  );

  it('of a gateway is closed where nothing was opened', () => {
    expect(loadConfig('gateway', GATEWAY)).toMatchObject({ allowGuests: false, openRooms: false, adminHost: undefined });
  });

  it('cannot be changed', () => {
    const config = loadConfig('all-in-one', { ALLOWED_ORIGINS: 'https://a.example' });
    for (const value of [config, config.warnings, config.allowedOrigins]) expect(Object.isFrozen(value)).toBe(true);
  });

  it('takes what is set, without spaces around it; empty is unset', () => {
    const env = {
      PORT: ' 0 ',
      SESSIONS: 'single',
      OPEN_ROOMS: 'off',
      ROOM_LIMIT: '',
      FRAME_RATE: '0',
      NODE_ID: 'a.b_c-1',
      LOG_LEVEL: 'debug',
    };
    const config = loadConfig('all-in-one', env);
    expect(config).toMatchObject({
      port: 0,
      sessions: 'single',
      openRooms: false,
      roomLimit: 100,
      frameRate: 0,
      nodeId: 'a.b_c-1',
      logLevel: 'debug',
    });
  });

  it('does not look at variables it does not know', () => {
    expect(problems('all-in-one', { PARLEY_PORT: 'x', DATABASES: 'x', toString: 'x' })).toEqual([]);
  });

  it('[A5] lets customers in by ALLOW_CUSTOMERS: all, none, or those of channels; of itself in the all-in-one, and where pages are named', () => {
    const door = (role: Role, env: Environment) => loadConfig(role, role === 'gateway' ? { ...GATEWAY, ...env } : env).allowCustomers;
    expect([door('all-in-one', {}), door('gateway', {}), door('gateway', { ALLOWED_ORIGINS: 'https://shop.example' })]).toEqual([
      true,
      false,
      true,
    ]);
    for (const role of ['all-in-one', 'gateway'] as const) {
      expect(door(role, { ALLOW_CUSTOMERS: 'off', ALLOWED_ORIGINS: '*' })).toBe(false);
      expect(door(role, { ALLOW_CUSTOMERS: 'on' })).toBe(true);
      expect(door(role, { ALLOW_CUSTOMERS: 'shop, site:2' })).toEqual(['shop', 'site:2']);
    }
    for (const ALLOW_CUSTOMERS of ['yes please', 'shop,', ',', 'shop,on', 'a'.repeat(65)])
      expect(problems('all-in-one', { ALLOW_CUSTOMERS })[0]).toMatch(/^ALLOW_CUSTOMERS takes on, off, or channels/);
  });

  it('takes a link with a path, and no password in it', () => {
    const link = (DASHBOARD_URL: string) => loadConfig('all-in-one', { DASHBOARD_URL }).dashboardUrl;
    expect(link('')).toBeUndefined();
    expect(link('https://graphs.example/d/parley?refresh=5s')).toBe('https://graphs.example/d/parley?refresh=5s');
    for (const DASHBOARD_URL of ['graphs.example', 'javascript:alert(1)', 'https://me:word@graphs.example/']) {
      expect(problems('all-in-one', { DASHBOARD_URL })[0]).toContain('DASHBOARD_URL takes an https:// or http:// URL');
    }
  });

  it('makes a node id of its own for each start', () => {
    const [one, two] = [loadConfig('all-in-one', {}).nodeId, loadConfig('all-in-one', {}).nodeId];
    expect(one).toMatch(/^[A-Za-z0-9._-]{1,64}$/);
    expect(one).not.toBe(two);
  });

  it('tells every problem together, each with its name and what it takes', () => {
    const env = {
      PORT: '65536',
      ADMIN_PORT: '-1',
      MESSAGE_MAX_CHARS: '1e3',
      SESSIONS: 'many',
      ALLOW_GUESTS: 'yes',
      NODE_ID: 'a b',
      HEARTBEAT_SECONDS: '30',
    };
    const found = problems('gateway', env);
    for (const [name, value] of Object.entries(env)) {
      expect(found).toContainEqual(expect.stringMatching(new RegExp(`^${name} takes .*, not "${value}"\\.$`)));
    }
    expect(found).toContainEqual(expect.stringMatching(/^REDIS_URL is not set: .*redis\+sentinel:/));
    expect(found).toContainEqual(expect.stringMatching(/^DATABASE_URL is not set: .*postgres:/));
    expect(found).toContainEqual(expect.stringMatching(/^One of JWT_SECRET, .* has to be set/));
    expect(found).toHaveLength(Object.keys(env).length + 3);
    expect(new ConfigError(found).message).toBe(found.join('\n'));
  });

  it.each(Object.values(SETTINGS).map(({ name, kind }) => [name, kind]))(
    'says what %s takes where it gets something else',
    (name, kind) => {
      const found = problems('gateway', { ...GATEWAY, [name]: '\0 {' });
      expect(found[0]).toContain(`${name} takes ${kind.takes}`);
    },
  );

  it('never shows a secret', () => {
    const found = problems('gateway', {
      REDIS_URL: 'http://user:hunter2@host',
      DATABASE_URL: 'mysql://user:hunter2@host/x',
      SMTP_URL: 'http://user:hunter2@host',
      API_KEYS: 'backend:hunter2',
      ADMIN_PASSWORD: 'hunter2',
      JWT_SECRET: 'hunter2',
    });
    expect(found).toHaveLength(6);
    expect(found.join()).not.toContain('hunter2');
  });
});

describe('what each program needs', () => {
  it.each<[Role, string[]]>([
    ['all-in-one', []],
    ['gateway', ['REDIS_URL', 'DATABASE_URL', 'One of JWT_SECRET']],
    ['api', ['REDIS_URL', 'DATABASE_URL', 'JWT_SECRET']],
    ['worker', ['REDIS_URL', 'DATABASE_URL', 'SMTP_URL', 'JWT_SECRET']],
  ])('%s: %s', (role, names) => {
    expect(problems(role, {})).toEqual(names.map((name) => expect.stringMatching(new RegExp(`^${name}`))));
  });

  it('services have a name and a long key each', () => {
    const key = 'k'.repeat(32);
    expect(loadConfig('all-in-one', { API_KEYS: `shop:${key}, bot:${key}x` }).apiKeys).toEqual([
      { name: 'shop', key },
      { name: 'bot', key: `${key}x` },
    ]);
    // One key replaces the other: both are valid until the service has the new one.
    expect(loadConfig('all-in-one', { API_KEYS: `shop:${key},shop:${key}x` }).apiKeys).toEqual([
      { name: 'shop', key },
      { name: 'shop', key: `${key}x` },
    ]);
    for (const API_KEYS of [key, `shop:${key.slice(1)}`, `shop:${key},shop:${key}`, `shop:${key},`]) {
      expect(problems('all-in-one', { API_KEYS })).toHaveLength(1);
    }
  });
});

describe('unsafe settings', () => {
  it.each([
    'short',
    'x'.repeat(31),
    'a-string-secret-at-least-256-bits-long',
    'changeme'.repeat(4),
    'your-very-own-secret-of-32-bytes-or-more',
  ])('keep a gateway with the secret %s from starting', (JWT_SECRET) => {
    expect(problems('gateway', { ...GATEWAY, JWT_SECRET })).toEqual([
      expect.stringMatching(/^JWT_SECRET takes a secret of at least 32 bytes/),
    ]);
    expect(loadConfig('all-in-one', { JWT_SECRET }).warnings.map(warningText)).toEqual([
      expect.stringMatching(/^JWT_SECRET can be guessed/),
    ]);
  });

  it('are found in each of several secrets', () => {
    const other = 'fedcba9876543210fedcba9876543210';
    expect(loadConfig('gateway', { ...GATEWAY, JWT_SECRET: `${SECRET}, ${other}` }).jwtSecrets).toEqual([SECRET, other]);
    const takes = 'JWT_SECRET takes a secret of at least 32 bytes, or several, comma-separated';
    for (const [JWT_SECRET, why] of [
      [`${SECRET},short`, ': number 2 has 5.'],
      [`a-string-secret-at-least-256-bits-long,${SECRET}`, ': number 1 is a public example.'],
      [`${SECRET},`, '.'],
      [`${SECRET},${SECRET}`, '.'],
    ] as const) {
      expect(problems('gateway', { ...GATEWAY, JWT_SECRET })).toEqual([takes + why]);
    }
    expect(loadConfig('all-in-one', { JWT_SECRET: `${SECRET},short` }).warnings.map(warningText)).toEqual([
      expect.stringMatching(/^JWT_SECRET can be guessed/),
    ]);
  });

  it('count a secret in bytes', () => {
    expect(problems('gateway', { ...GATEWAY, JWT_SECRET: 'é'.repeat(16) })).toEqual([]);
    expect(problems('gateway', { ...GATEWAY, JWT_SECRET: 'é'.repeat(15) })).toHaveLength(1);
  });

  it('take keys of another login over HTTPS and for one audience only', () => {
    const { JWT_SECRET: _, ...backends } = GATEWAY;
    const keys = { ...backends, JWT_JWKS_URL: 'https://login.example/keys' };
    expect(problems('gateway', keys)).toEqual([
      expect.stringMatching(/^JWT_ISSUER is not set/),
      expect.stringMatching(/^JWT_AUDIENCE is not set/),
    ]);
    const whole = { ...keys, JWT_ISSUER: 'https://login.example/', JWT_AUDIENCE: 'parley' };
    expect(problems('gateway', whole)).toEqual([]);
    for (const JWT_JWKS_URL of ['http://login.example/keys', 'file:///etc/keys', 'keys', 'http://localhost.evil.example/']) {
      expect(problems('gateway', { ...whole, JWT_JWKS_URL })).toHaveLength(1);
    }
    for (const JWT_JWKS_URL of ['http://localhost:1/keys', 'http://127.0.0.1:1/keys', 'http://[::1]:1/keys']) {
      expect(problems('gateway', { ...whole, JWT_JWKS_URL })).toEqual([]);
    }
  });

  it('are told where they start all the same', () => {
    expect(loadConfig('all-in-one', { ALLOWED_ORIGINS: '*' }).warnings.map(warningText)).toEqual([
      expect.stringMatching(/^ALLOWED_ORIGINS is \*/),
    ]);
    expect(loadConfig('all-in-one', { REDIS_URL: 'redis://localhost' }).warnings.map(warningText)).toEqual([
      expect.stringMatching(/^JWT_SECRET is not set/),
    ]);
  });

  it('are combinations too', () => {
    expect(problems('all-in-one', { PORT: '9090' })).toEqual([expect.stringMatching(/^ADMIN_PORT takes another port/)]);
    expect(problems('all-in-one', { PORT: '0', ADMIN_PORT: '0' })).toEqual([]);
    // A text of `MESSAGE_MAX_CHARS` code points fits, in its longest form.
    expect(problems('all-in-one', { FRAME_MAX_BYTES: '25023' })).toEqual([
      'FRAME_MAX_BYTES is 25023 and takes at least 12 x MESSAGE_MAX_CHARS + 1024: 25024, for MESSAGE_MAX_CHARS is 2000. Otherwise some texts of that length could never be sent. Set FRAME_MAX_BYTES to 25024 or more, or MESSAGE_MAX_CHARS to 1999 or less.',
    ]);
    expect(problems('all-in-one', { FRAME_MAX_BYTES: '25024' })).toEqual([]);
    expect(problems('gateway', { ...GATEWAY, MESSAGE_MAX_CHARS: '2646' })).toEqual([
      expect.stringMatching(/^FRAME_MAX_BYTES is 32768 .* 32776/),
    ]);
    expect(problems('all-in-one', { MESSAGE_MAX_CHARS: '87297' })).toEqual([expect.stringMatching(/^MESSAGE_MAX_CHARS takes/)]);
  });
});

describe('REDIS_PREFIX', () => {
  it.each(['chät:', '聊天', 'a\u00a0b', 'a b', '{a}', 'a*', 'a\\'])('may not be %j: channels are ASCII', (REDIS_PREFIX) => {
    expect(problems('gateway', { ...GATEWAY, REDIS_PREFIX })).toEqual([expect.stringMatching(/^REDIS_PREFIX takes up to 64 ASCII/)]);
  });
  it('may be any printable ASCII', () => {
    expect(loadConfig('gateway', { ...GATEWAY, REDIS_PREFIX: '!chat-1.x|~:' }).redisPrefix).toBe('!chat-1.x|~:');
  });
});

describe('allowed origins', () => {
  it('are normalised', () => {
    const { allowedOrigins } = loadConfig('all-in-one', { ALLOWED_ORIGINS: 'https://Chat.Example:443/, http://localhost:5173' });
    expect(allowedOrigins).toEqual(['https://chat.example', 'http://localhost:5173']);
  });

  it('[H7] may be those of app shells', () => {
    const shells = [
      'capacitor://localhost',
      'ionic://localhost',
      'tauri://localhost',
      'app://obsidian.md',
      'app://.',
      'chrome-extension://abcdefgh',
    ];
    expect(loadConfig('gateway', { ...GATEWAY, ALLOWED_ORIGINS: [...shells, 'App://Obsidian.MD/'].join(' , ') }).allowedOrigins).toEqual([
      ...shells,
      'app://obsidian.md',
    ]);
  });

  it.each([
    ['null', 'null'],
    ['https://a.example, null', 'null'],
    ['file://', 'null'],
    ['file:///home/ann/page.html', 'null'],
    ['wss://a.example', 'in place of'],
    ['https://*.example', 'wildcard'],
    ['https://a.example/chat', 'more than'],
    ['a.example', 'https://'],
    ['https://a.example,', 'empty'],
    ['data://x', 'more than'],
    ['app://', 'less'],
    ['app://x/y', 'more than'],
    ['capacitor:localhost', 'https://'],
  ])('[H7] one that is malformed is named, with what is wrong: %s', (ALLOWED_ORIGINS, why) => {
    const wrong = ALLOWED_ORIGINS.split(',').at(-1)?.trim();
    const [problem = ''] = problems('all-in-one', { ALLOWED_ORIGINS });
    expect(problem).toMatch(/^ALLOWED_ORIGINS takes origins such as /);
    expect(problem).toContain(`: "${wrong}" `);
    expect(problem).toContain(why);
  });

  it.each([
    'chat.example',
    'https://*.example',
    'https://a.example/path',
    '*,https://a.example',
    'null',
    'ftp://a',
    'https://u@a',
    'https://a,',
    'https://a?b',
  ])('are not %s', (ALLOWED_ORIGINS) => {
    expect(problems('all-in-one', { ALLOWED_ORIGINS })).toHaveLength(1);
  });
});

describe('the kept secret', () => {
  const folders: string[] = [];
  const folder = () => {
    const made = mkdtempSync(join(tmpdir(), 'parley-'));
    folders.push(made);
    return made;
  };
  afterEach(() => {
    for (const made of folders.splice(0)) rmSync(made, { recursive: true });
  });

  it('is made once, long enough, for the owner only', () => {
    const data = join(folder(), 'data');
    const secret = keptSecret(data);
    expect(problems('gateway', { ...GATEWAY, JWT_SECRET: secret })).toEqual([]);
    expect(keptSecret(data)).toBe(secret);
    expect(statSync(join(data, 'jwt-secret')).mode & 0o777).toBe(0o600);
    expect(readdirSync(data)).toEqual(['jwt-secret']);
    expect(keptSecret(folder())).not.toBe(secret);
  });

  it('closes a file that others could read', () => {
    const data = folder();
    writeFileSync(join(data, 'jwt-secret'), 'k'.repeat(43), { mode: 0o644 });
    expect(keptSecret(data)).toBe('k'.repeat(43));
    expect(statSync(join(data, 'jwt-secret')).mode & 0o777).toBe(0o600);
  });

  it('is not taken from a file that holds something else', () => {
    const data = folder();
    writeFileSync(join(data, 'jwt-secret'), '');
    expect(() => keptSecret(data)).toThrow(/jwt-secret does not hold a secret/);
    expect(readFileSync(join(data, 'jwt-secret'), 'utf8')).toBe('');
  });
});

describe('the environment of the process', () => {
  it('is what is read where none is given', () => {
    const script =
      "import { loadConfig } from '#libs/config/config.ts'; const c = loadConfig('gateway'); console.log(JSON.stringify([c.nodeId, c.warnings.map(({ code }) => code)]));";
    const { stdout } = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
      env: {
        PATH: process.env.PATH,
        ...GATEWAY,
        JWT_SECRET: randomBytes(32).toString('hex'),
        ADMIN_HOST: '127.0.0.1',
        NODE_ID: 'n7',
        FAIL_POINTS: 'after-enter=kill',
      },
      encoding: 'utf8',
    });
    expect(JSON.parse(stdout)).toEqual(['n7', ['failPoints']]);
  });
});

describe('PUBLIC_URL', () => {
  it.each([
    ['https://Chat.Example', 'https://chat.example'],
    ['https://chat.example:443/', 'https://chat.example'],
    ['https://example.com/chat/', 'https://example.com/chat'],
    ['http://localhost:8080/a/b-c', 'http://localhost:8080/a/b-c'],
  ])('[H8] may be %s', (PUBLIC_URL, publicUrl) => {
    expect(loadConfig('all-in-one', { PUBLIC_URL }).publicUrl).toBe(publicUrl);
  });

  it.each([
    'chat.example',
    'wss://chat.example',
    'https://u:p@chat.example',
    'https://chat.example/?a',
    'https://chat.example/#a',
    'https://chat.example/a//b',
    'https://chat.example/a%20b',
    'https://chat.example/a;b',
    'https://chat.example/é',
    'https:chat.example',
  ])('[H8] is not %s', (PUBLIC_URL) => {
    expect(problems('all-in-one', { PUBLIC_URL })).toEqual([
      expect.stringMatching(/^PUBLIC_URL takes an https:\/\/ or http:\/\/ URL, maybe/),
    ]);
  });
});
