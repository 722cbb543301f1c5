import fc from 'fast-check';
import { describe, expect, it, onTestFinished, test, vi } from 'vitest';
import { lookAlike, nameKey, textKey } from '#libs/store/name-key.ts';

describe('the key of a name', () => {
  it.each([
    ['alice', 'ALICE'],
    ['alice', 'a\u200blice'],
    ['alice', 'al\u00adice\ufe0f'],
    ['alice', '\uff41lice'],
    ['alice', '𝐚𝐥𝐢𝐜𝐞'],
    ['Ann B', ' Ann \u00a0\u3000B'],
    ['Ann B', 'Ann\tB'],
    ['Straße', 'STRASSE'],
    ['Straße', 'STRA\u1e9eE'],
    ['ΣΊΣΥΦΟΣ', 'σίσυφος'],
    ['ﬁn', 'FIN'],
    ['É', 'e\u0301'],
    ['❤', '❤\ufe0f'],
    ['\u017ft', 'ST'],
    ['\u0345', '\u03b9'],
  ])('[A3] is one for %s and %s', (one, other) => {
    expect(nameKey(one)).toBe(nameKey(other));
  });

  it('[A3] keeps apart what is read differently', () => {
    for (const [one, other] of [
      ['Ada', 'Adá'],
      ['Işıl', 'Isil'],
      ['ab', 'a b'],
      ['\u0430da', 'ada'],
    ] as const)
      expect(nameKey(one), `${one} ${other}`).not.toBe(nameKey(other));
  });

  it('[A3] folds every letter as Unicode does, and is its own key', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => nameKey(nameKey(text)) === nameKey(text)));
    fc.assert(
      fc.property(fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }), (letter) => {
        const folded = nameKey(letter);
        // The capital of the dotless i is that of i.
        for (const form of [letter.toLowerCase(), letter.toUpperCase()])
          if (!/[\u0131\u0130]/.test(letter)) expect(nameKey(form), letter).toBe(folded);
      }),
      { numRuns: 2000 },
    );
  });
});

describe('a name that looks like another', () => {
  it.each([
    ['Alice', 'AIice'],
    ['Alice', 'ALICE'],
    ['Alice', 'А1ісе'],
    ['Max', 'Мах'],
    ['Max', 'M\u0430x'],
    ['Support', 'Suppоrt\u200b'],
    ['modern', 'rnodern'],
  ])('[A3] %s: %s', (one, other) => {
    expect(lookAlike(one, ['Bob', other])).toBe(other);
  });

  it('[A3] is not every other', () => {
    expect(lookAlike('Max', ['Maxi', 'Mix', 'Макс', ''])).toBeUndefined();
  });

  it('[A3] is looked for without taking the guarded names apart again', () => {
    const guarded = Array.from({ length: 500 }, (_, n) => `Agent ${n}`);
    expect(lookAlike('Max', guarded)).toBeUndefined();
    const normalize = vi.spyOn(String.prototype, 'normalize');
    onTestFinished(() => normalize.mockRestore());
    expect(lookAlike('Agent 4ll', guarded)).toBe('Agent 411');
    expect(normalize.mock.calls.length).toBeLessThan(100);
  });
});

test.each([
  ['Ada', 'aDA'],
  ['Ａｄａ', 'ada'],
  ['ﬁn', 'FIN'],
  ['É', 'e\u0301'],
])('%s and %s are the same', (one, two) => {
  expect(textKey(one)).toBe(textKey(two));
});

test('a key is its own key', () => {
  fc.assert(fc.property(fc.string({ unit: 'grapheme' }), (text) => textKey(textKey(text)) === textKey(text)));
});

test('different names stay different', () => {
  expect(textKey('Ada')).not.toBe(textKey('Adá'));
});
