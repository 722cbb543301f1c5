import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RecentPage } from '#libs/hub/rooms/recent-page.ts';
import { PAGE_BYTES, PAGE_MESSAGES } from '#libs/protocol/limits.ts';

function filled(count: number, size: number, max = Number.MAX_SAFE_INTEGER) {
  const budget = { bytes: 0, max };
  const page = new RecentPage(budget);
  page.reset([]);
  for (let offset = 1; offset <= count; offset += 1) page.push(offset, Buffer.alloc(size, offset % 100));
  return { page, budget };
}

describe('RecentPage', () => {
  it('[M5] holds the newest page, contiguous up to the newest, never above its limits', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 350 }), fc.integer({ min: 1, max: 5000 }), (count, size) => {
        const { page, budget } = filled(count, size);
        const latest = page.latest() ?? [];
        const expected = Math.max(1, Math.min(count, PAGE_MESSAGES, Math.floor(PAGE_BYTES / size)));
        expect(latest.map(({ offset }) => offset)).toEqual(Array.from({ length: expected }, (_, n) => count - expected + 1 + n));
        expect(budget.bytes).toBe(expected * size);
      }),
    );
  });

  it('[M5] gives what is above an offset, or says that it does not reach back that far', () => {
    const { page } = filled(250, 10);
    expect(page.after(248)?.map(({ offset }) => offset)).toEqual([249, 250]);
    expect(page.after(250)).toEqual([]);
    expect(page.after(150)?.length).toBe(100);
    expect(page.after(149)).toBeUndefined();
  });

  it('[M5] a hole, in the page it began with or at its end, is nothing it passes over', () => {
    const page = new RecentPage({ bytes: 0, max: 1e9 });
    const item = (offset: number) => ({ offset, frame: Buffer.alloc(3) });
    page.reset([1, 2, 5, 6].map(item), 6);
    expect(page.after(4)?.map(({ offset }) => offset)).toEqual([5, 6]);
    for (const offset of [0, 1, 2, 3]) expect(page.after(offset), `after ${offset}`).toBeUndefined();
    page.reset([1, 2, 5, 6].map(item), 9);
    for (const offset of [2, 5, 6, 8]) expect(page.after(offset), `after ${offset}`).toBeUndefined();
    expect(page.after(9)).toEqual([]);
    page.push(10, Buffer.alloc(3));
    expect(page.after(9)?.map(({ offset }) => offset)).toEqual([10]);
    expect(page.after(6)).toBeUndefined();
    expect(page.latest()?.length).toBe(5);
  });

  it('owns its bytes: what it was given may be written over', () => {
    const page = new RecentPage({ bytes: 0, max: 1e9 });
    const frame = Buffer.from('first');
    page.push(1, frame);
    frame.fill(0);
    expect(page.latest()?.[0]?.frame.toString()).toBe('first');
  });

  it('over the budget keeps a few, and does not pass them off as the latest page', () => {
    const { page, budget } = filled(50, 100, 2000);
    expect(page.latest()).toBeUndefined();
    expect(page.after(45)?.length).toBe(5);
    expect(budget.bytes).toBeLessThanOrEqual(2100);
    page.clear();
    expect(budget.bytes).toBe(0);
  });
});
