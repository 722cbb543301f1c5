import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { textParts } from '#services/web/src/conversation/link-finder.ts';

const links = (text: string): string[] => textParts(text).flatMap((part) => (part.kind === 'link' ? [part.href] : []));

describe('links in a text', () => {
  it('are addresses of http and https, and the text is whole', () => {
    const text = 'see https://example.org/a?b=c#d and http://example.com.';
    expect(textParts(text)).toEqual([
      { kind: 'text', text: 'see ' },
      { kind: 'link', text: 'https://example.org/a?b=c#d', href: 'https://example.org/a?b=c#d' },
      { kind: 'text', text: ' and ' },
      { kind: 'link', text: 'http://example.com', href: 'http://example.com/' },
      { kind: 'text', text: '.' },
    ]);
  });

  it.each([
    ['(https://example.org/x)', ['https://example.org/x']],
    ['https://en.wikipedia.org/wiki/Duck_(bird), too', ['https://en.wikipedia.org/wiki/Duck_(bird)']],
    ['去 https://example.org/鸭子。看看', ['https://example.org/%E9%B8%AD%E5%AD%90']],
    ['HTTPS://EXAMPLE.org!', ['https://example.org/']],
    ['<https://example.org>', ['https://example.org/']],
    ['（https://example.org/x）', ['https://example.org/x']],
    ['【https://example.org】「http://a.example」', ['https://example.org/', 'http://a.example/']],
    ['看https://example.org/x、https://a.example；好', ['https://example.org/x', 'https://a.example/']],
    ['请看https://example.org谢谢', ['https://example.org/']],
    ['https://佐々木.jp/佐々木', ['https://xn--u6jy55gilq.jp/%E4%BD%90%E3%80%85%E6%9C%A8']],
    ["https://example.org/it's 'https://a.example'", ["https://example.org/it's", 'https://a.example/']],
    ['https://example.org/(a))].', ['https://example.org/(a)']],
  ])('end where the address ends: %s', (text, found) => {
    expect(links(text)).toEqual(found);
  });

  it.each([
    ['see www.example.org, please', ['https://www.example.org/']],
    ['WWW.Example.org/x?y.', ['https://www.example.org/x?y']],
    ['请看www.example.org谢谢', ['https://www.example.org/']],
    ['(www.example.org)', ['https://www.example.org/']],
  ])('are names that begin with www: %s', (text, found) => {
    expect(links(text)).toEqual(found);
  });

  it.each([
    ['Write to ann@example.org.', ['mailto:ann@example.org']],
    ['<a.b+c@mail.example.co.uk>', ['mailto:a.b%2Bc@mail.example.co.uk']],
    ["'ann@example.org', (ben@example.org)", ['mailto:ann@example.org', 'mailto:ben@example.org']],
    ['写信给ann@example.org，谢谢；或ben@example.org谢谢', ['mailto:ann@example.org', 'mailto:ben@example.org']],
    ['ann@www.example.org', ['mailto:ann@www.example.org']],
    ['100%@example.org', ['mailto:100%25@example.org']],
    [`${'x'.repeat(64)}@example.org`, [`mailto:${'x'.repeat(64)}@example.org`]],
  ])('are mail addresses: %s', (text, found) => {
    expect(links(text)).toEqual(found);
  });

  it.each([
    'javascript:alert(1)',
    'javascript://www.example.org/%0aalert(1)',
    'www.',
    'www.example',
    'www..org',
    'www.1.2',
    'www.bank.example@evil.example',
    'xwww.example.org',
    'ftp://www.example.org/',
    'ftp://ann@example.org/',
    'müller@example.org',
    'ann@example',
    'ann@example.org@evil.example',
    'ann@exämple.org',
    'ann@-example.org',
    'ann.@example.org',
    '@example.org',
    `${'x'.repeat(65)}@example.org`,
    `ann@${'x'.repeat(64)}.org`,
    'data:text/html,<script>alert(1)</script>',
    'ftp://example.org/',
    'xhttps://example.org',
    'https://',
    'https://bank.example@evil.example/',
    'https://user:secret@evil.example/',
    'vbscript:https',
    'plain words',
  ])('are nothing else: %s', (text) => {
    expect(textParts(text)).toEqual([{ kind: 'text', text }]);
  });

  it('never reach over what turns the direction of writing', () => {
    expect(links('https://example.org/\u202egnp.exe')).toEqual(['https://example.org/']);
  });

  it('lose nothing of the text, whatever it is', () => {
    const piece = fc.constantFrom(
      'https://',
      'www.',
      'a.example',
      'ann',
      '@',
      '.',
      '/',
      '(',
      ')',
      '[',
      ']',
      ' ',
      '\n',
      '。',
      '（',
      '谢',
      'ü',
      '\u202e',
      '😀',
    );
    fc.assert(
      fc.property(fc.array(piece), (pieces) => {
        const text = pieces.join('');
        const parts = textParts(text);
        expect(parts.map((part) => part.text).join('')).toBe(text);
        for (const part of parts) if (part.kind === 'link') expect(part.href).toMatch(/^(?:https?:\/\/|mailto:)[^@]*(?:@[^@/]*)?$/);
      }),
    );
  });

  // With a quadratic search each of these would take minutes and end by the time limit.
  it.each([
    'https://',
    'https://a.example....',
    'https://a.example)',
    'https://a.example和',
    'www.a.example和',
    '.',
    '(',
    'a',
    'a.',
    'a@',
    '@',
    'www.',
    'a@b.co,',
  ])('are found in a text of half a million characters: %s', (unit) => {
    for (const text of [unit.repeat(500_000 / unit.length), `https://a.example/${unit.repeat(500_000 / unit.length)}x`]) {
      expect(textParts(text).reduce((sum, part) => sum + part.text.length, 0)).toBe(text.length);
    }
  });
});
