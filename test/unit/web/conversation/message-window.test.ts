import { beforeEach, describe, expect, it } from 'vitest';
import { MessageWindow } from '#services/web/src/conversation/message-window.ts';
import { said } from '#test/support/fake-chat-client.ts';

/** Offsets of the messages that the hub has: 1 up to this one. */
let top: number;
let reads: number;
/** Offsets of other events (M7). */
let events: { readonly from: number; readonly to: number };
let keepsHistory: boolean;
let away: boolean;
let window: MessageWindow;

const of = (from: number, to: number) => Array.from({ length: Math.max(0, to - from + 1) }, (_, n) => said(from + n, `${from + n}`));

beforeEach(() => {
  top = 900;
  reads = 0;
  events = { from: 0, to: 0 };
  keepsHistory = true;
  away = false;
  window = new MessageWindow({
    read: async ({ before = top + 1, limit }) => {
      reads += 1;
      if (away) throw new Error('the hub is away');
      const all = of(1, Math.min(before - 1, top)).filter(({ offset }) => offset < events.from || offset > events.to);
      return { messages: all.slice(-limit), more: all.length > limit };
    },
    keepsHistory: () => keepsHistory,
    onChange: () => undefined,
  });
});

/** The first and last offset, the number of items, and what is beyond them. */
function shown(): readonly unknown[] {
  const offsets = window.items.flatMap((item) => (item.kind === 'message' ? [item.offset] : []));
  const holes = offsets.filter((offset, index) => index > 0 && offset !== (offsets[index - 1] ?? 0) + 1);
  expect(holes).toEqual([]);
  return [offsets[0], offsets.at(-1), window.items.length, window.older, window.newer];
}

/** A message arrives. */
function arrive(count: number): void {
  for (let n = 0; n < count; n += 1) {
    top += 1;
    window.receive([said(top, `${top}`)]);
  }
}

describe('a room that is not in view', () => {
  it('keeps 100 messages of 10,000, and knows the newest and how many are new', () => {
    window.enter(of(801, 900), 'e');
    arrive(10_000);
    expect(shown()).toEqual([10_801, 10_900, 100, 'some', 'none']);
    expect([window.newest?.text, window.latest, window.countNew(900, 'me')]).toEqual(['10900', 10_900, 10_000]);
  });

  it('is cut when the reader leaves it', async () => {
    window.move('end');
    window.enter(of(801, 900), 'e');
    window.move('above');
    await window.loadOlder();
    expect(shown()).toEqual([751, 900, 150, 'some', 'none']);
    window.move('away');
    expect(shown()).toEqual([801, 900, 100, 'some', 'none']);
  });
});

describe('a reader at the end', () => {
  it('has 300 messages at most', () => {
    window.move('end');
    window.enter(of(801, 900), 'e');
    arrive(1_000);
    expect(shown()).toEqual([1_601, 1_900, 300, 'some', 'none']);
  });
});

describe('a reader above the end', () => {
  beforeEach(() => {
    window.move('end');
    window.enter(of(801, 900), 'e');
    window.move('above');
  });

  it('keeps what is in view while a busy room goes on, and reads on from there, without a hole', async () => {
    arrive(1_000);
    expect(shown()).toEqual([801, 1_100, 300, 'some', 'some']);
    expect(window.countNew(900, 'me')).toBe(1_000);
    await window.loadNewer();
    expect(shown()).toEqual([851, 1_150, 300, 'some', 'some']);
    while (window.newer === 'some') await window.loadNewer();
    expect(shown()).toEqual([1_601, 1_900, 300, 'some', 'none']);
    arrive(1);
    expect(shown()).toEqual([1_601, 1_900, 300, 'some', 'some']);
  });

  it('scrolls up as far as the room goes, and back', async () => {
    while (window.older === 'some') await window.loadOlder();
    expect(shown()).toEqual([1, 300, 300, 'none', 'some']);
    while (window.newer === 'some') await window.loadNewer();
    expect(shown()).toEqual([601, 900, 300, 'some', 'none']);
  });

  it('goes back to the newest at once', async () => {
    while (window.older === 'some') await window.loadOlder();
    await window.toLatest();
    expect(shown()).toEqual([851, 900, 50, 'some', 'none']);
    arrive(2);
    expect(shown()).toEqual([851, 902, 52, 'some', 'none']);
  });

  it('misses nothing that arrives while a page is on its way', async () => {
    while (window.older === 'some') await window.loadOlder();
    const loaded = window.toLatest();
    arrive(3);
    await loaded;
    expect(shown()).toEqual([854, 903, 50, 'some', 'none']);
  });

  it('hears of a page that cannot be read, and may try again', async () => {
    while (window.older === 'some') await window.loadOlder();
    away = true;
    await window.loadNewer();
    expect(shown()).toEqual([1, 300, 300, 'none', 'failed']);
    away = false;
    await window.loadNewer();
    expect(shown()).toEqual([51, 350, 300, 'some', 'some']);
  });

  it('passes over offsets of other events (M7)', async () => {
    arrive(200);
    events = { from: 1_101, to: 1_300 };
    top = 1_300;
    arrive(1);
    expect([window.items.length, window.newer]).toEqual([300, 'some']);
    await window.loadNewer();
    expect([window.newest?.text, window.items.at(-1)?.id, window.newer, reads]).toEqual(['1301', 'm1301', 'none', 5]);
  });

  it('leaves a room with the end of it', async () => {
    while (window.older === 'some') await window.loadOlder();
    window.move('away');
    await expect.poll(() => window.newer).toBe('none');
    expect(shown()).toEqual([851, 900, 50, 'some', 'none']);
  });
});

describe('the first new message', () => {
  it('is led to where it is far above, and the messages between are read on the way down', async () => {
    window.enter(of(801, 900), 'e');
    await window.toOffset(200);
    expect(shown()).toEqual([151, 250, 100, 'some', 'some']);
    window.move('above');
    while (window.newer === 'some') await window.loadNewer();
    expect(shown()).toEqual([601, 900, 300, 'some', 'none']);
  });

  it('is joined with the messages that are there, if it is near', async () => {
    window.enter(of(801, 900), 'e');
    window.move('above');
    await window.toOffset(760);
    expect(shown()).toEqual([711, 900, 190, 'some', 'none']);
  });
});

describe('a room that was left', () => {
  it('has no hole after it is joined again', () => {
    window.enter(of(801, 900), 'e');
    window.enter(of(851, 950), 'e');
    expect(shown()).toEqual([851, 950, 100, 'some', 'none']);
    top = 2_000;
    window.enter(of(1_901, 2_000), 'e');
    expect(shown()).toEqual([1_901, 2_000, 100, 'some', 'none']);
  });

  it('[M4] has a mark where something may be missing, if it keeps nothing', () => {
    keepsHistory = false;
    window.enter(of(801, 850), 'e');
    window.enter(of(851, 860), 'e');
    expect(window.items.every(({ kind }) => kind === 'message')).toBe(true);
    window.enter([{ offset: 1, message: { ...said(1, 'anew').message, id: 'other' } }], 'f');
    expect(window.items.slice(-2).map(({ kind }) => kind)).toEqual(['gap', 'message']);
  });
});

describe('a room without history', () => {
  it('drops nothing at its end: that may not come back', () => {
    keepsHistory = false;
    window.move('end');
    window.enter(of(801, 900), 'e');
    window.move('above');
    arrive(2_000);
    expect(shown()).toEqual([1_901, 2_900, 1_000, 'some', 'none']);
  });
});
