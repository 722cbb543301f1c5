import { expect, it } from 'vitest';
import { codeIn } from '#services/web/src/account/code-text.ts';

it.each([
  ['ABC234', 'ABC234'],
  [' abc234\n', 'ABC234'],
  ['ab-c2 34', 'ABC234'],
  ['AB–C2—34', 'ABC234'],
  ['ＡＢＣ２３４', 'ABC234'],
  ['A\u200bB\u00a0C234', 'ABC234'],
  ['This is your code to log in to Parley:\r\n\r\nABC 234\r\n\r\nIt is valid for 10 minutes and works once.', 'ABC234'],
  ['ABC234\nDEF567', undefined],
  ['ABC23', undefined],
  ['ABC2345', undefined],
  ['ABC230', undefined],
  ['ILO101', undefined],
  ['', undefined],
])('[A2] the code in %j is %s', (text, code) => {
  expect(codeIn(text)).toBe(code);
});
