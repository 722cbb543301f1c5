import { describe, expect, it } from 'vitest';
import { type Placed, Timeline, type TimelineClient } from '#services/web/src/conversation/timeline.ts';

const ME = { id: 'me', name: 'Me', kind: 'user' };
const OTHER = { id: 'other', name: 'Other', kind: 'user' };

function said(offset: number, from = OTHER, text = `text ${offset}`): Placed {
  return { offset, message: { id: `m${offset}`, from, text, at: 1000 + offset } };
}

interface Sent {
  readonly id: string;
  readonly text: string;
  readonly ack: (offset: number) => Promise<void>;
  readonly fail: (code: string) => Promise<void>;
}

/** A timeline over a client whose answers the test gives. */
class Desk {
  readonly sent: Sent[] = [];
  page: readonly Placed[] = [];
  older: { readonly messages: readonly Placed[]; readonly more: boolean } = { messages: [], more: false };
  changes = 0;
  readonly timeline: Timeline;
  #ids = 0;

  constructor() {
    const client: TimelineClient = {
      join: async () => ({ messages: this.page }),
      history: async () => this.older,
      newId: () => `k${this.#ids++}`,
      send: (_room, text, { id }) => {
        const { promise, resolve, reject } = Promise.withResolvers<{ message: { id: string; offset: number; at: number } }>();
        const settle = async (end: () => void) => {
          end();
          await promise.catch(() => undefined);
          await new Promise(setImmediate);
        };
        this.sent.push({
          id,
          text,
          ack: (offset) => settle(() => resolve({ message: { id: `m${offset}`, offset, at: 2000 } })),
          fail: (code) => settle(() => reject(Object.assign(new Error(code), { code }))),
        });
        return promise;
      },
    };
    this.timeline = new Timeline({ client, room: 'conv:x', me: ME, clock: () => 5000, changed: () => void this.changes++ });
  }

  get texts(): string[] {
    return this.timeline.lines.map(({ text, state }) => (state === 'stored' ? text : `${text} (${state})`));
  }
}

describe('a timeline', () => {
  it('has each message once, in the order of the room, whatever order they come in', async () => {
    const desk = new Desk();
    desk.page = [said(3), said(4)];
    await desk.timeline.open();
    desk.timeline.receive([said(6), said(4)]);
    desk.timeline.receive([said(5), said(3), said(6)]);
    expect(desk.texts).toEqual(['text 3', 'text 4', 'text 5', 'text 6']);
    expect([desk.timeline.more, desk.timeline.top, desk.timeline.ready]).toEqual([true, 6, true]);
    expect(desk.timeline.unread(4)).toBe(2);
    desk.older = { messages: [said(1), said(2)], more: false };
    await desk.timeline.earlier();
    expect(desk.texts[0]).toBe('text 1');
    expect(desk.timeline.more).toBe(false);
  });

  it('shows what I say at once, last, and in its place when it is stored', async () => {
    const desk = new Desk();
    await desk.timeline.open();
    void desk.timeline.say('mine');
    desk.timeline.receive([said(1)]);
    expect(desk.texts).toEqual(['text 1', 'mine (pending)']);
    const { key } = desk.timeline.lines[1] ?? {};
    await desk.sent[0]?.ack(2);
    desk.timeline.receive([said(3), said(2, ME, 'mine')]);
    expect(desk.texts).toEqual(['text 1', 'mine', 'text 3']);
    expect(desk.timeline.lines[1]).toMatchObject({ key, id: 'm2', offset: 2, at: 2000 });
    expect(desk.timeline.unread(0)).toBe(2);
  });

  it('knows my own words when they come before their ack', async () => {
    const desk = new Desk();
    await desk.timeline.open();
    void desk.timeline.say('twice');
    void desk.timeline.say('twice');
    desk.timeline.receive([said(1, ME, 'twice')]);
    expect(desk.texts).toEqual(['twice', 'twice (pending)']);
    await desk.sent[1]?.ack(2);
    await desk.sent[0]?.ack(1);
    desk.timeline.receive([said(2, ME, 'twice')]);
    expect(desk.texts).toEqual(['twice', 'twice']);
  });

  it('tells what was not sent, and sends it again under the same id', async () => {
    const desk = new Desk();
    await desk.timeline.open();
    void desk.timeline.say('keep this');
    await desk.sent[0]?.fail('NOT_STORED');
    expect(desk.texts).toEqual(['keep this (failed)']);
    expect(desk.timeline.lines[0]?.error).toBe('NOT_STORED');
    // It was shown to others all the same: the retry finds that out.
    desk.timeline.receive([said(7, ME, 'keep this')]);
    void desk.timeline.retry(desk.sent[0]?.id ?? '');
    expect(desk.sent.map(({ id }) => id)).toEqual(['k0', 'k0']);
    await desk.sent[1]?.ack(7);
    expect(desk.texts).toEqual(['keep this']);
    await desk.timeline.retry('k0');
    expect(desk.sent).toHaveLength(2);
  });

  it('of a room that is closed is read: its last words come to what is there, and nothing between is taken for lost', async () => {
    const desk = new Desk();
    desk.page = [said(1), said(2)];
    await desk.timeline.open();
    desk.older = { messages: [said(2), said(3)], more: true };
    await desk.timeline.read();
    expect([desk.texts.join(), desk.timeline.more]).toEqual(['text 1,text 2,text 3', false]);
    desk.older = { messages: [said(8), said(9)], more: true };
    await desk.timeline.read();
    expect(desk.texts).toEqual(['text 8', 'text 9']);
    expect([desk.timeline.more, desk.timeline.gap]).toEqual([true, false]);
    const fresh = new Desk();
    fresh.older = { messages: [said(1)], more: false };
    await fresh.timeline.read();
    expect([fresh.texts.join(), fresh.timeline.more, fresh.timeline.ready]).toEqual(['text 1', false, true]);
  });

  it('begins anew where something was lost, keeps what is on its way, and tells of the gap until older messages were asked for', async () => {
    const desk = new Desk();
    desk.page = [said(1), said(2)];
    await desk.timeline.open();
    desk.timeline.restart([said(2), said(3)]);
    expect([desk.texts.join(), desk.timeline.gap]).toEqual(['text 1,text 2,text 3', false]);
    void desk.timeline.say('on its way');
    desk.timeline.restart([said(8), said(9)]);
    expect(desk.texts).toEqual(['text 8', 'text 9', 'on its way (pending)']);
    expect([desk.timeline.gap, desk.timeline.more]).toEqual([true, true]);
    desk.older = { messages: [said(1), said(2), said(3), said(7)], more: false };
    await desk.timeline.earlier();
    expect(desk.timeline.gap).toBe(false);
    expect(desk.texts).toEqual(['text 1', 'text 2', 'text 3', 'text 7', 'text 8', 'text 9', 'on its way (pending)']);
  });
});
