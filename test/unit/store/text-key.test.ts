import fc from 'fast-check';
import { expect, test } from 'vitest';
import { textKey } from '#libs/store/name-key.ts';

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
