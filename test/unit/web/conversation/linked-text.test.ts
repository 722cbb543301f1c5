import { describe, expect, it } from 'vitest';
import { textParts } from '#services/web/src/conversation/linked-text.tsx';

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
  ])('end where the address ends: %s', (text, found) => {
    expect(links(text)).toEqual(found);
  });

  it.each([
    'javascript:alert(1)',
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
    for (const text of ['', 'https://a.example https://b.example', 'a\nhttps://a.example\nb', 'https://[', '((https://a.example))']) {
      expect(
        textParts(text)
          .map((part) => part.text)
          .join(''),
      ).toBe(text);
    }
  });
});
