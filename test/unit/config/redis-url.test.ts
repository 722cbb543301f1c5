import { describe, expect, test } from 'vitest';
import { parseRedisUrl } from '#libs/config/redis-url.ts';

describe('REDIS_URL', () => {
  test('one server', () => {
    expect(parseRedisUrl('redis://localhost')).toEqual({
      mode: 'single',
      nodes: [{ host: 'localhost', port: 6379 }],
      masterName: '',
      db: 0,
      username: undefined,
      password: undefined,
      sentinelPassword: undefined,
      tls: false,
    });
    expect(parseRedisUrl('rediss://ann:p%40ss@redis.example:7000/99')).toMatchObject({
      nodes: [{ host: 'redis.example', port: 7000 }],
      db: 99,
      username: 'ann',
      password: 'p@ss',
      tls: true,
    });
    expect(parseRedisUrl('redis://:secret@[::1]:6380/')).toMatchObject({
      nodes: [{ host: '::1', port: 6380 }],
      username: undefined,
      password: 'secret',
    });
  });

  test('Sentinel', () => {
    expect(parseRedisUrl('redis+sentinel://:pw@s1:26380,s2,[fe80::1]/my-master/2?sentinelPassword=watch')).toMatchObject({
      mode: 'sentinel',
      nodes: [
        { host: 's1', port: 26380 },
        { host: 's2', port: 26379 },
        { host: 'fe80::1', port: 26379 },
      ],
      masterName: 'my-master',
      db: 2,
      password: 'pw',
      sentinelPassword: 'watch',
    });
    expect(parseRedisUrl('rediss+sentinel://s1/m')).toMatchObject({ mode: 'sentinel', tls: true });
  });

  test('Cluster', () => {
    expect(parseRedisUrl('redis+cluster://a:1,b:2')).toMatchObject({
      mode: 'cluster',
      nodes: [
        { host: 'a', port: 1 },
        { host: 'b', port: 2 },
      ],
      db: 0,
    });
    expect(parseRedisUrl('rediss+cluster://u:p@a')).toMatchObject({ mode: 'cluster', tls: true, username: 'u', password: 'p' });
  });

  test.each([
    '',
    'localhost:6379',
    'http://localhost',
    'redis://',
    'redis://a,b',
    'redis://host:0',
    'redis://host:70000',
    'redis://host:abc',
    'redis://host/db',
    'redis://host/1/2',
    'redis+sentinel://host',
    'redis+sentinel://host/name/x',
    'redis+cluster://host/1',
    'redis+cluster://host,,host',
    'redis+magic://host',
  ])('%s is refused', (url) => {
    expect(() => parseRedisUrl(url)).toThrow(TypeError);
  });

  test('a refusal never shows the password', () => {
    for (const url of ['redis://user:hunter2@', 'redis+cluster://:hunter2@host/7', 'redis://:hunter2@a,b']) {
      try {
        parseRedisUrl(url);
        expect.unreachable();
      } catch (error) {
        expect(String(error)).not.toContain('hunter2');
      }
    }
  });
});
