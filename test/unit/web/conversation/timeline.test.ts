import { describe, expect, it } from 'vitest';

import { Timeline, type TimelineItem } from '#services/web/src/conversation/timeline.ts';
import { said } from '#test/support/fake-chat-client.ts';

const texts = (items: readonly TimelineItem[]): string[] => items.map((item) => (item.kind !== 'message' ? '---' : item.message.text));

describe('a timeline', () => {
  it('[M4] has each message once, in the order of offsets, however it came', () => {
    const timeline = new Timeline();
    timeline.add([said(3, 'c'), said(1, 'a')]);
    expect(timeline.add([said(2, 'b'), said(3, 'c')]).map(({ text }) => text)).toEqual(['b']);
    expect(texts(timeline.items)).toEqual(['a', 'b', 'c']);
    expect([timeline.first, timeline.last]).toEqual([1, 3]);
  });

  it('[R3] takes messages without offsets as they come', () => {
    const timeline = new Timeline();
    for (const text of ['x', 'y', 'z']) timeline.add([{ message: { ...said(1, text).message, id: text } }]);
    expect(texts(timeline.items)).toEqual(['x', 'y', 'z']);
  });

  describe('[M4] after a resync', () => {
    it('in a room with history goes on where nothing is left out', () => {
      const timeline = new Timeline();
      timeline.add([said(1, 'a'), said(2, 'b')]);
      timeline.resync([said(2, 'b'), said(3, 'c')], true);
      expect(texts(timeline.items)).toEqual(['a', 'b', 'c']);
    });

    it('in a room with history begins with the page where something is: what is above can be loaded', () => {
      const timeline = new Timeline();
      timeline.add([said(1, 'a')]);
      timeline.resync([said(7, 'g'), said(8, 'h')], true);
      expect(texts(timeline.items)).toEqual(['g', 'h']);
      timeline.add([said(6, 'f')]);
      expect(texts(timeline.items)).toEqual(['f', 'g', 'h']);
    });

    it('in a room without history keeps what was there, behind a mark, though offsets begin anew', () => {
      const timeline = new Timeline();
      timeline.add([said(8, 'h'), said(9, 'i')]);
      const anew = { offset: 1, message: { ...said(1, 'anew').message, id: 'other' } };
      timeline.resync([anew], false);
      timeline.add([{ offset: 2, message: { ...said(2, 'on').message, id: 'more' } }]);
      expect(texts(timeline.items)).toEqual(['h', 'i', '---', 'anew', 'on']);
      expect([timeline.first, timeline.last]).toEqual([1, 2]);
    });

    it('has no mark above everything', () => {
      const timeline = new Timeline();
      timeline.resync([said(1, 'a')], false);
      expect(texts(timeline.items)).toEqual(['a']);
    });
  });

  it('lets lines go at either end, and takes them again', () => {
    const timeline = new Timeline();
    timeline.add(Array.from({ length: 700 }, (_, n) => said(n + 1, `${n + 1}`)));
    expect([timeline.keepNewest(600), timeline.first, timeline.keepNewest(600)]).toEqual([true, 101, false]);
    expect([timeline.keepOldest(500), timeline.last, timeline.keepOldest(500)]).toEqual([true, 600, false]);
    timeline.add([said(100, '100'), said(601, '601')]);
    expect([timeline.first, timeline.last]).toEqual([100, 601]);
  });
});
