import { expect, it } from 'vitest';
import { formatFor } from '#services/web/src/admin/format.ts';

it.each([
  [0, '0 sec', '0秒'],
  [59.6, '1 min', '1分钟'],
  [61, '1 min 1 sec', '1分钟 1秒'],
  [3600, '1 hr', '1小时'],
  [3 * 86_400 + 2 * 3600 + 59, '3 days 2 hr', '3天 2小时'],
  [-5, '0 sec', '0秒'],
])('a length of %d seconds reads %s', (seconds, english, chinese) => {
  expect(formatFor('en').length(seconds)).toBe(english);
  expect(formatFor('zh').length(seconds)).toBe(chinese);
});

it('numbers and lags are those of the language', () => {
  expect(formatFor('en').number(12_345.67)).toBe('12,345.7');
  expect(formatFor('en').lag(0.0123)).toBe('12.3 ms');
  expect(formatFor('zh').lag(0.0123)).toBe('12.3毫秒');
});

it('lists are those of the language: no comma of ASCII between Chinese words', () => {
  expect([formatFor('en').list(['a']), formatFor('en').list(['a', 'b', 'c'])]).toEqual(['a', 'a, b, and c']);
  expect(formatFor('zh').list(['a', 'b', 'c'])).toBe('a、b和c');
});

it('[A13] times have the hours of the locale, as on all other pages', () => {
  const evening = new Date(2026, 10, 30, 20, 5, 7).getTime();
  expect(formatFor('en-US').time(evening)).toMatch(/^8:05:07\sPM$/);
  expect(formatFor('en-US').dateTime(evening)).toMatch(/, 8:05\sPM$/);
  expect(formatFor('en-GB').dateTime(evening)).toMatch(/, 20:05$/);
  expect(formatFor('zh-CN').time(evening)).toBe('20:05:07');
});
