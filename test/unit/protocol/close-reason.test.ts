import { describe, expect, it } from 'vitest';

import { closeReason } from '#libs/protocol/errors.ts';

describe('[C] a close reason', () => {
  it.each([
    ['ascii', 'x'.repeat(200)],
    ['two bytes', 'é'.repeat(100)],
    ['Chinese', '因为你违反了社区规则'.repeat(10)],
    ['emoji', 'ab😀'.repeat(40)],
    ['half an emoji', `\ud83d${'\ude00x'.repeat(60)}`],
  ])('of %s is cut at a character to 123 bytes', (_, addition) => {
    const reason = closeReason('DISCONNECTED', addition);
    const bytes = Buffer.from(reason);
    expect(bytes.length).toBeLessThanOrEqual(123);
    expect(bytes.length).toBeGreaterThan(119);
    expect(bytes.toString()).toBe(reason);
    expect(`DISCONNECTED ${addition.toWellFormed()}`.startsWith(reason)).toBe(true);
  });

  it('is the code, and what fits as it is', () => {
    expect(closeReason('DRAINING')).toBe('DRAINING');
    expect(closeReason('RATE_LIMITED', 10)).toBe('RATE_LIMITED 10');
    expect(closeReason('DISCONNECTED', '再见')).toBe('DISCONNECTED 再见');
  });
});
