import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { toMailAddress } from '#libs/mail/mailer.ts';

const LOCAL = fc.stringMatching(/^[a-z0-9_+-]{1,20}(\.[a-z0-9_+-]{1,10}){0,2}$/);
const DOMAIN = fc.stringMatching(/^([a-z0-9]([a-z0-9-]{0,8}[a-z0-9])?\.){1,3}[a-z]{2,8}$/);

describe('toMailAddress', () => {
  it.each([
    ['bob@corp.test', 'bob@corp.test'],
    ['Bob.Smith+parley@Corp.TEST', 'Bob.Smith+parley@corp.test'],
    ["o'hara_{x}~#$&*/?=^`|-@mail.corp.test", "o'hara_{x}~#$&*/?=^`|-@mail.corp.test"],
    ['bob@bücher.example', 'bob@xn--bcher-kva.example'],
    ['bob@BÜCHER.example', 'bob@xn--bcher-kva.example'],
    ['bob@xn--bcher-kva.example', 'bob@xn--bcher-kva.example'],
    // Full-width letters and the full-width at sign are the plain ones.
    ['ｂｏｂ＠ｃｏｒｐ.test', 'bob@corp.test'],
    ['bob@例え。テスト', 'bob@xn--r8jz45g.xn--zckzah'],
  ])('[A1] takes %j', (text, address) => {
    expect(toMailAddress(text)).toBe(address);
  });

  it.each([
    ['nothing', ''],
    ['no at sign', 'bob'],
    ['no local part', '@corp.test'],
    ['no domain', 'bob@'],
    ['a quoted part that hides an address', '"a@evil.test x"@corp.test'],
    ['any quoted part', '"bob"@corp.test'],
    ['two addresses', 'bob@corp.test,eve@evil.test'],
    ['two addresses with a semicolon', 'bob@corp.test;eve@evil.test'],
    ['two at signs', 'bob@corp.test@evil.test'],
    ['a small at sign beside a plain one', 'bob\uFE6Bevil.test@corp.test'],
    ['a comment', 'bob(eve@evil.test)@corp.test'],
    ['a comment in the domain', 'bob@(evil.test)corp.test'],
    ['a name and angle brackets', 'Bob <bob@corp.test>'],
    ['angle brackets', '<bob@corp.test>'],
    ['angle brackets inside', 'bob@corp.test><eve@evil.test'],
    ['a line break', 'bob@corp.test\r\nRCPT TO:<eve@evil.test>'],
    ['a line feed', 'bob@corp.test\n'],
    ['a carriage return in the local part', 'bo\rb@corp.test'],
    ['a space', 'bob @corp.test'],
    ['a space at the end', 'bob@corp.test '],
    ['a tab', 'bob\t@corp.test'],
    ['NUL', 'bob\0@corp.test'],
    ['a space that NFKC makes of something else', 'bob\u00A0@corp.test'],
    ['a zero-width space', 'bob\u200B@corp.test'],
    ['a zero-width space in the domain', 'bob@corp\u200B.test'],
    ['a soft hyphen in the domain', 'bob@cor\u00ADp.test'],
    ['a variation selector', 'bob@corp\uFE0F.test'],
    ['a direction mark', '\u202Ebob@corp.test'],
    ['half a surrogate pair', 'bob\uD800@corp.test'],
    ['a Cyrillic letter in the local part', 'b\u043Eb@corp.test'],
    ['a dotless i', 'adm\u0131n@corp.test'],
    ['an emoji', 'b\u{1F600}b@corp.test'],
    ['an encoded word', '=?utf-8?q?eve=40evil.test=3e?=@corp.test'],
    ['a percent route', 'eve%evil.test@corp.test'],
    ['a bang path', 'evil.test!eve@corp.test'],
    ['a source route', '@evil.test:bob@corp.test'],
    ['an address literal', 'bob@[127.0.0.1]'],
    ['an IPv6 literal', 'bob@[IPv6:::1]'],
    ['an IP address', 'bob@127.0.0.1'],
    ['an IP address in hexadecimal', 'bob@0x7f.1'],
    ['a number for a domain', 'bob@corp.1'],
    ['a domain of one label', 'bob@localhost'],
    ['a port', 'bob@corp.test:25'],
    ['a path', 'bob@corp.test/x'],
    ['a slash that NFKC makes', 'bob@corp.te\u2100st'],
    ['an escape in the domain', 'bob@corp%2Etest'],
    ['an underscore in the domain', 'bob@co_rp.test'],
    ['a label that begins with a hyphen', 'bob@-corp.test'],
    ['punycode that is none', 'bob@xn--a.test'],
    ['a dot at the end of the domain', 'bob@corp.test.'],
    ['a dot at the beginning', '.bob@corp.test'],
    ['a dot before the at sign', 'bob.@corp.test'],
    ['two dots', 'bo..b@corp.test'],
    ['two dots that NFKC makes', 'bo\u2025b@corp.test'],
    ['a backslash', 'bo\\b@corp.test'],
    ['a long local part', `${'a'.repeat(65)}@corp.test`],
    ['a long address', `${'a'.repeat(60)}@${'b'.repeat(60)}.${'c'.repeat(60)}.${'d'.repeat(60)}.${'e'.repeat(20)}.test`],
    ['a long label', `bob@${'b'.repeat(64)}.test`],
  ])('[A1] refuses %s', (_what, text) => {
    expect(toMailAddress(text)).toBeUndefined();
  });

  it('[A1] takes every plain address, as it is', () => {
    fc.assert(
      fc.property(LOCAL, DOMAIN, (local, domain) => {
        // `ab--cd` is kept for names in punycode.
        fc.pre(!/(^|\.)..--/.test(domain));
        expect(toMailAddress(`${local}@${domain}`)).toBe(`${local}@${domain}`);
      }),
    );
  });

  it('[A1] whatever it gives is one plain address, and gives itself', () => {
    const text = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 40 }),
      fc
        .tuple(fc.string({ unit: 'grapheme', maxLength: 12 }), fc.string({ unit: 'grapheme', maxLength: 12 }))
        .map(([a, b]) => `${a}@${b}.test`),
      fc
        .tuple(LOCAL, fc.constantFrom('@', '＠', '"', '<', '>', ',', '\r\n', '\0', '(', ')', '=?', '%', ' '), DOMAIN)
        .map((parts) => parts.join('')),
    );
    fc.assert(
      fc.property(text, (typed) => {
        const address = toMailAddress(typed);
        if (address === undefined) return;
        expect(address).toMatch(/^[A-Za-z0-9#$&'*+/=?^_`{|}~.-]{1,64}@[a-z0-9.-]+\.[a-z0-9-]+$/);
        expect(address.length).toBeLessThanOrEqual(254);
        expect(toMailAddress(address)).toBe(address);
      }),
      { numRuns: 400 },
    );
  });

  it('[A1] one bad character anywhere spoils it', () => {
    const bad = fc.constantFrom(
      '"',
      '<',
      '>',
      '(',
      ')',
      ',',
      ';',
      ':',
      '\\',
      ' ',
      '\t',
      '\r',
      '\n',
      '\0',
      '\u200B',
      '\u2028',
      '\u202E',
      '%',
      '!',
      '[',
      ']',
      '@',
    );
    fc.assert(
      fc.property(LOCAL, DOMAIN, bad, fc.nat(), (local, domain, character, place) => {
        const address = `${local}@${domain}`;
        const at = place % (address.length + 1);
        expect(toMailAddress(address.slice(0, at) + character + address.slice(at))).toBeUndefined();
      }),
    );
  });
});
