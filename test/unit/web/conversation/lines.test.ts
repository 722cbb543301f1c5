import { describe, expect, it } from 'vitest';
import { type Line, toLines } from '#services/web/src/conversation/lines.ts';
import { Outbox } from '#services/web/src/conversation/outbox.ts';
import { type PlacedMessage, Timeline } from '#services/web/src/conversation/timeline.ts';
import { said } from '#test/support/fake-chat-client.ts';

const ME = { id: 'me', name: 'Me', kind: 'user' };
const DAY = 86_400_000;

function later(placed: PlacedMessage, ms: number): PlacedMessage {
  return { ...placed, message: { ...placed.message, at: placed.message.at + ms } };
}

function show(messages: readonly PlacedMessage[], outbox = new Outbox(), firstNew?: string): string[] {
  const timeline = new Timeline();
  timeline.add(messages);
  return toLines({ items: timeline.items, outbox: outbox.entries, me: ME, firstNew }).map(words);
}

function words(line: Line): string {
  if (line.kind !== 'message') return `(${line.kind})`;
  return `${line.together ? '' : `${line.from.name}: `}${line.text}${line.state === 'stored' ? '' : ` ${line.state}`}`;
}

describe('lines', () => {
  it('have a mark above the first of each day', () => {
    expect(show([said(1, 'a'), later(said(2, 'b'), DAY), later(said(3, 'c'), DAY)])).toEqual(['(day)', 'bob: a', '(day)', 'bob: b', 'c']);
  });

  it('of one person stand together for five minutes', () => {
    expect(show([said(1, 'a'), said(2, 'b'), said(3, 'c', 'eve'), said(4, 'd'), later(said(5, 'e'), 300_001)])).toEqual([
      '(day)',
      'bob: a',
      'b',
      'eve: c',
      'bob: d',
      'bob: e',
    ]);
  });

  it('[A11] of one id with several names or kinds do not: whoever speaks is named', () => {
    const as = (offset: number, name: string, kind: string) => {
      const placed = said(offset, `by ${name}`);
      return { ...placed, message: { ...placed.message, from: { id: 'shop', name, kind } } };
    };
    expect(show([as(1, 'A', 'service'), as(2, 'B', 'service'), as(3, 'B', 'agent'), as(4, 'B', 'agent')])).toEqual([
      '(day)',
      'A: by A',
      'B: by B',
      'B: by B',
      'by B',
    ]);
  });

  it('tell where the new ones begin', () => {
    expect(show([said(1, 'a'), said(2, 'b')], new Outbox(), 'm2')).toEqual(['(day)', 'bob: a', '(new)', 'bob: b']);
  });

  it('have a mark where something may be missing', () => {
    const timeline = new Timeline();
    timeline.add([said(1, 'a')]);
    timeline.resync([{ offset: 1, message: { ...said(2, 'b').message, id: 'b' } }], false);
    expect(toLines({ items: timeline.items, outbox: [], me: ME, firstNew: undefined }).map(words)).toEqual([
      '(day)',
      'bob: a',
      '(gap)',
      'bob: b',
    ]);
  });

  it('of mine without a place come last, also when they failed', () => {
    const outbox = new Outbox();
    outbox.add('1', 'x', said(3, '').message.at);
    outbox.add('2', 'y', said(3, '').message.at);
    outbox.fail('1', 'NOT_STORED', true);
    expect(show([said(1, 'a')], outbox)).toEqual(['(day)', 'bob: a', 'Me: x failed', 'y pending']);
  });

  it('of mine that came back before their acknowledgement have their place, and wait', () => {
    const outbox = new Outbox();
    outbox.add('1', 'mine', 0);
    outbox.adopt(said(2, 'mine', 'me').message);
    expect(show([said(1, 'a'), said(2, 'mine', 'me'), said(3, 'b')], outbox)).toEqual(['(day)', 'bob: a', 'me: mine pending', 'bob: b']);
  });
});
