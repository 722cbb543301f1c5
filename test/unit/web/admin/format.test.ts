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
