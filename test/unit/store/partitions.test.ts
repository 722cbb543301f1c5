import fc from 'fast-check';
import { expect, test } from 'vitest';
import { monthNamed, monthOf } from '#libs/store/partitions.ts';

test('months are whole, follow each other without a gap, and are known by their names', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: Date.UTC(9000, 0) }), fc.integer({ min: 0, max: 30 }), (at, plus) => {
      const month = monthOf(at, plus);
      expect(monthOf(at).from).toBeLessThanOrEqual(at);
      expect(monthOf(at).to).toBeGreaterThan(at);
      expect(monthOf(at, plus + 1).from).toBe(month.to);
      expect(new Date(month.from).getUTCDate()).toBe(1);
      expect(monthNamed(month.name)).toEqual(month);
      expect(month.name).toMatch(/^messages_\d{4}_\d{2}$/);
    }),
  );
});

test.each(['messages', 'messages_default', 'messages_2030_13', 'messages_2030_00', 'messages_2030_1', 'x_messages_2030_01'])(
  '%s is no month',
  (name) => {
    expect(monthNamed(name)).toBeUndefined();
  },
);
