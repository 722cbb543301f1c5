import { describe, expect, it } from 'vitest';
import { OriginPolicy } from '#libs/auth/origin-policy.ts';

function policy(publicUrl: string | undefined, ...allowedOrigins: string[]) {
  const lines: string[] = [];
  const time = { now: 5 };
  const log = { warn: (fields: object | string, message?: string) => void lines.push(`${JSON.stringify(fields)} ${message}`) };
  return { origins: new OriginPolicy({ publicUrl, allowedOrigins, log, steady: () => time.now }), lines, time };
}

describe('the pages that may connect', () => {
  it.each([
    ['http://chat.test:8080', 'chat.test:8080'],
    ['http://chat.test', 'chat.test'],
    ['http://chat.test', 'chat.test:80'],
    ['https://chat.test', 'chat.test:443'],
    ['https://chat.test:443', 'chat.test'],
    ['HTTPS://Chat.Test', 'CHAT.test'],
    // TLS ends at a balancer, and nginx behind it passes its own port on.
    ['https://chat.test', 'chat.test:80'],
    ['http://[::1]:8080', '[::1]:8080'],
    ['https://[2001:db8::1]', '[2001:db8::1]:443'],
  ])('[H7] are those of the host that was asked for: %s of %s', (origin, host) => {
    const { origins } = policy(undefined);
    expect([origins.allows(origin, host), origins.trusts(origin, host), origins.isOwn(origin, host)]).toEqual([true, true, true]);
  });

  it.each(['127.0.0.1:8080', 'hub', 'chat.test:8080', '', 'elsewhere.test:443'])(
    '[H7] are those of PUBLIC_URL, whatever Host a proxy sends: %s',
    (host) => {
      for (const url of ['https://chat.test', 'https://chat.test/chat', 'https://chat.test:443/a/b']) {
        const { origins } = policy(url);
        for (const origin of ['https://chat.test', 'https://chat.test:443'])
          expect([origins.allows(origin, host), origins.trusts(origin, host), origins.isOwn(origin, host)], url).toEqual([
            true,
            true,
            true,
          ]);
        expect(origins.allows('http://chat.test', host), 'another scheme').toBe(false);
        expect(origins.allows('https://chat.test:8443', host), 'another port').toBe(false);
      }
    },
  );

  it('[H7] are those that ALLOWED_ORIGINS names, of app shells, too; they are not its own', () => {
    const { origins } = policy(undefined, 'https://app.test', 'capacitor://localhost', 'app://obsidian.md');
    for (const origin of ['https://app.test', 'https://app.test:443', 'capacitor://localhost', 'app://obsidian.md'])
      expect([origins.allows(origin, 'hub'), origins.trusts(origin, 'hub'), origins.isOwn(origin, 'hub')], origin).toEqual([
        true,
        true,
        false,
      ]);
  });

  it.each([
    'https://evil.test',
    'http://chat.test',
    'http://chat.test:8080.evil.test',
    'http://evil.test/chat.test:8080',
    'http://evil.test@chat.test:8080',
    'http://chat.test:8080/',
    'null',
    '://chat.test:8080',
    'file://',
    'file://chat.test:8080',
    'capacitor://localhost',
    'app://chat.test:8080',
    'https://chat.test:8443',
    'https://chat.test:80',
    '',
  ])('[H7] are no others: %s', (origin) => {
    const { origins } = policy(undefined, 'https://app.test');
    // A slash at the end is no more than a sloppy client's.
    const allowed = origin === 'http://chat.test:8080/';
    expect([origins.allows(origin, 'chat.test:8080'), origins.trusts(origin, 'chat.test:8080')]).toEqual([allowed, allowed]);
  });

  it('[H7] * lets any page connect, and none use cookies', () => {
    const { origins } = policy(undefined, '*');
    expect([origins.allows('https://evil.test', 'hub'), origins.allows('null', 'hub')]).toEqual([true, true]);
    expect([origins.trusts('https://evil.test', 'hub'), origins.trusts('null', 'hub')]).toEqual([false, false]);
    expect([origins.any, origins.named]).toEqual([true, []]);
  });

  it('[H7] a refusal says what to set, and a line of the log once a minute does', () => {
    const { origins, lines, time } = policy(undefined);
    const { code, message } = origins.refusal('https://chat.test', '127.0.0.1:8080');
    expect(code).toBe('ORIGIN_DENIED');
    for (const part of ['https://chat.test', '127.0.0.1:8080', 'PUBLIC_URL', 'ALLOWED_ORIGINS']) {
      expect(message).toContain(part);
      expect(lines[0]).toContain(part);
    }
    time.now += 59_999;
    origins.refusal('https://other.test', 'hub');
    expect(lines).toHaveLength(1);
    time.now += 1;
    origins.refusal('null', '');
    expect(lines).toHaveLength(2);
    expect(lines[1]).toContain('null');
    expect(origins.refusal('null', '').message).toContain('the request names no host');
  });

  it('[H7] what a refusal shows of a header fits into a header', () => {
    const { message } = policy(undefined).origins.refusal(`https://x\r\nevil: 1\u00e9${'y'.repeat(5000)}`, 'h\nx');
    expect(message).toMatch(/^[\x20-\x7e]{1,800}$/);
  });
});
