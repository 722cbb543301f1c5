import { describe, expect, it } from 'vitest';
import { basePath, isThisMachine, withoutBase } from '#libs/config/public-url.ts';

describe('the path of PUBLIC_URL', () => {
  it('is empty, or has no slash at its end', () => {
    expect([undefined, 'https://x.test', 'https://x.test/chat', 'http://x.test:81/a/b'].map(basePath)).toEqual(['', '', '/chat', '/a/b']);
  });

  it.each([
    ['/chat/', '/chat', '/'],
    ['/chat/?a=/b', '/chat', '/?a=/b'],
    ['/chat/api/v1/online', '/chat', '/api/v1/online'],
    ['/api/v1/online', '/chat', '/api/v1/online'],
    ['/chat', '/chat', '/chat'],
    ['/chatter/api/v1', '/chat', '/chatter/api/v1'],
    ['/', '/chat', '/'],
    // Names that the hub has, too.
    ['/api/v1/online', '/api', '/api/v1/online'],
    ['/api/api/v1/online', '/api', '/api/v1/online'],
    ['/docs/docs.css', '/docs', '/docs/docs.css'],
    ['/docs/docs/docs.css', '/docs', '/docs/docs.css'],
    ['/agent', '/agent', '/agent'],
    ['/agent/agent', '/agent', '/agent'],
    ['/dev/mailbox', '/dev', '/dev/mailbox'],
    ['/dev/dev/mailbox', '/dev', '/dev/mailbox'],
    ['/assets/a.js', '/assets', '/assets/a.js'],
    ['/x/y', '', '/x/y'],
  ])('[H8] %s below %s is %s', (url, base, inside) => {
    expect(withoutBase(url, base)).toBe(inside);
  });
});

describe('this machine', () => {
  it('is where its names always lead', () => {
    for (const host of ['localhost', 'LOCALHOST', 'a.b.localhost', '127.0.0.1', '127.1.2.3', '::1', '[::1]'])
      expect(isThisMachine(host), host).toBe(true);
    for (const host of [
      '',
      '0.0.0.0',
      'localhost.evil.test',
      'notlocalhost',
      '127.0.0.1.evil.test',
      '10.0.0.1',
      '::',
      '[::2]',
      'chat.test',
    ])
      expect(isThisMachine(host), host).toBe(false);
  });
});
