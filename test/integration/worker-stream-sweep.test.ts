import { randomBytes } from 'node:crypto';
import { afterEach, describe, expect, it } from 'vitest';
import { messageTail } from '#libs/protocol/server-frame.ts';
import type { ReadMessage, StoredRoomEvent } from '#libs/store/message-store.ts';
import { until } from '#test/support/wait.ts';
import { WorkerStage } from '#test/support/worker-stage.ts';

function textsOf(entries: readonly (ReadMessage | StoredRoomEvent)[]): string[] {
  return entries.map((entry) => ('body' in entry ? entry.kind : entry.text));
}

const stages: WorkerStage[] = [];

afterEach(async () => {
  for (const stage of stages.splice(0)) await stage.close();
});

async function openStage(): Promise<WorkerStage> {
  const stage = await WorkerStage.open();
  stages.push(stage);
  return stage;
}

describe('the sweep of streams', () => {
  /** Publishes without storing, as a gateway that dies in between. */
  async function say(
    stage: WorkerStage,
    room: string,
    text: string,
    at: number,
    data?: unknown,
  ): Promise<{ id: string; offset: number; epoch: string }> {
    const id = randomBytes(16).toString('base64url');
    const sender = JSON.stringify({ id: 'u-ann', name: 'Ann "the" Änn' });
    const tail = messageTail(room, id, sender, text, data === undefined ? undefined : JSON.stringify(data), at);
    const { offset, epoch } = await stage.broker.publish({ room, tail, key: id, at });
    return { id, offset, epoch };
  }

  it('[M1] what was shown and not stored is stored, as it was, once, also by several sweeps at once', async () => {
    const stage = await openStage();
    const at = Date.now() - 10_000;
    const group = await stage.room('group', undefined, true);
    const said = [];
    for (let i = 0; i < 250; i++)
      said.push(
        await say(stage, i % 5 === 0 ? 'park' : group, `text ${i} "quoted" \u{1F600}`, at + i, i % 3 ? undefined : { i, b: [1.5, '"'] }),
      );
    // Some of it is stored already, in the middle too.
    for (const i of [5, 6, 7, 100]) {
      const { id, offset, epoch } = said[i] ?? { id: '', offset: 0, epoch: '' };
      await stage.store.messages.append({
        room: i % 5 === 0 ? 'park' : group,
        offset,
        epoch,
        id,
        sender: '{}',
        text: 'stored',
        data: undefined,
        at,
      });
    }
    await Promise.all([1, 2, 3].map(() => stage.worker(stage.jobs(), { intervals: { streamsMs: 50, streamGraceMs: 5000 } })));
    await until(
      async () =>
        (await stage.store.messages.after(group, 0, 500)).length === 200 &&
        (await stage.store.messages.after('park', 0, 500)).length === 50,
      {
        timeoutMs: 20_000,
      },
    );
    const stored = [...(await stage.store.messages.after(group, 0, 500)), ...(await stage.store.messages.after('park', 0, 500))];
    expect(new Set(stored.map(({ id }) => id)).size).toBe(250);
    const nine = said[9];
    expect(stored.find(({ id }) => id === nine?.id)).toEqual({
      room: group,
      ...nine,
      sender: JSON.stringify({ id: 'u-ann', name: 'Ann "the" Änn' }),
      text: 'text 9 "quoted" \u{1F600}',
      data: '{"i":9,"b":[1.5,"\\""]}',
      at: at + 9,
    });
    expect(textsOf(stored).filter((text) => text === 'stored')).toHaveLength(4);
  });

  it('[M1] a room that was silent since yesterday: what its first message today left unstored is carried', async () => {
    const stage = await openStage();
    const group = await stage.room('group', undefined, true);
    await stage.database.query('UPDATE rooms SET created_at = 1, history_from = 1');
    const yesterday = { room: group, offset: 7, epoch: 'e', id: 'y'.repeat(22), sender: '{}', text: 'yesterday', data: undefined };
    await stage.store.messages.append({ ...yesterday, at: Date.now() - 86_400_000 });
    await stage.database.query('DELETE FROM message_keys');
    await say(stage, group, 'today', Date.now() - 10_000);
    await stage.worker(stage.jobs(), { intervals: { streamsMs: 20 } });
    await until(async () => (await stage.store.messages.top(group)) === 8);
    expect(textsOf(await stage.store.messages.after(group, 0, 10))).toEqual(['yesterday', 'today']);
  });

  it('[M1] what has been in a stream for about an hour is left there: the store may not know any more that it has it elsewhere', async () => {
    const stage = await openStage();
    await say(stage, 'park', 'long ago', Date.now() - 3_500_000);
    await say(stage, 'park', 'of late', Date.now() - 2_900_000);
    await stage.worker(stage.jobs(), { intervals: { streamsMs: 20 } });
    await until(async () => (await stage.store.messages.top('park')) === 2);
    expect(textsOf(await stage.store.messages.after('park', 0, 10))).toEqual(['of late']);
  });

  it('[M1] what is young is left to its gateway', async () => {
    const stage = await openStage();
    await say(stage, 'park', 'old', Date.now() - 60_000);
    await say(stage, 'park', 'young', Date.now() + 30_000);
    await stage.worker(stage.jobs(), { intervals: { streamsMs: 20, streamGraceMs: 5000 } });
    await until(async () => (await stage.store.messages.top('park')) === 1);
    // The next looks come after this one.
    await say(stage, 'park', 'between', Date.now() - 60_000);
    const group = await stage.room('group', undefined, true);
    await say(stage, group, 'elsewhere', Date.now() - 60_000);
    await until(async () => (await stage.store.messages.top(group)) === 1);
    expect(textsOf(await stage.store.messages.after('park', 0, 10))).not.toContain('young');
  });

  it('[M1] a message of a gateway whose clock is ahead is not passed over for those behind it', async () => {
    const stage = await openStage();
    await stage.worker(stage.jobs(), { intervals: { streamsMs: 20 } });
    await say(stage, 'park', 'ahead', Date.now() + 1500);
    await say(stage, 'park', 'behind', Date.now() - 60_000);
    await until(async () => (await stage.store.messages.after('park', 0, 10)).length === 2);
    expect(textsOf(await stage.store.messages.after('park', 0, 10))).toEqual(['ahead', 'behind']);
  });

  it('[R5] members of a private room are told of what was stored, in order, as by a gateway; of groups and rooms that are over nobody is', async () => {
    const stage = await openStage();
    const at = Date.now() - 60_000;
    const [direct, over, group] = [
      await stage.room('dm', undefined, true),
      await stage.room('conv', undefined, true),
      await stage.room('group', undefined, true),
    ];
    await stage.store.rooms.close(over, 'closed', Date.now());
    stage.emitFailures = 1;
    for (const room of [direct, over, group]) for (const text of ['one', 'two']) await say(stage, room, text, at);
    await stage.worker(stage.jobs(), { intervals: { streamsMs: 20 } });
    await until(() => stage.signals.length >= 4, { describe: () => stage.signals.join('\n') });
    for (const room of [direct, over, group]) await until(async () => (await stage.store.messages.top(room)) === 2);
    const frames = (await stage.broker.kept(direct, 0, { count: 10, bytes: 100_000 })).publications.map(({ frame }) =>
      Buffer.from(frame).toString(),
    );
    const told = frames.flatMap((frame) => [`u:u-ann ~h${frame}`, `u:u-bob ~h${frame}`]);
    expect(stage.signals.toSorted()).toEqual(told.toSorted());
  });

  it('[A9] [R3] what was said before both of a pair wanted history is not stored, what was said since is', async () => {
    const stage = await openStage();
    const at = Date.now() - 60_000;
    const room = `pair:${randomBytes(16).toString('base64url')}`;
    const ann = { id: 'u-ann', name: 'Ann' };
    const candidates = [{ id: 'u-bob', name: 'Bob' }];
    await stage.store.pairs.match({ user: ann, keepHistory: true, candidates, room, now: at - 1000, expiresAt: at + 3_600_000 });
    await say(stage, room, 'between us', at - 500);
    await say(stage, room, 'a moment before', at - 1);
    expect(await stage.store.pairs.wantHistory('u-bob', at)).toBe('kept');
    await say(stage, room, 'for later', at);
    await say(stage, room, 'for later, too', at + 500);
    await stage.worker(stage.jobs(), { intervals: { streamsMs: 20 } });
    await until(async () => (await stage.store.messages.top(room)) === 4);
    expect(textsOf(await stage.store.messages.after(room, 0, 10))).toEqual(['for later', 'for later, too']);
  });

  it('[R3] a group that began to keep history late, and one that did so again: what was said before stays unstored', async () => {
    const stage = await openStage();
    const at = Date.now() - 60_000;
    const group = await stage.room('group', undefined, true);
    await say(stage, group, 'while it was kept first', at);
    await stage.store.rooms.update(group, { keepHistory: false }, at + 1);
    await say(stage, group, 'while it was not', at + 2);
    await stage.store.rooms.update(group, { keepHistory: true }, at + 3);
    await say(stage, group, 'kept again', at + 3);
    await stage.worker(stage.jobs(), { intervals: { streamsMs: 20 } });
    await until(async () => (await stage.store.messages.top(group)) === 3);
    expect(textsOf(await stage.store.messages.after(group, 0, 10))).toEqual(['kept again']);
  });

  it('[R3] nothing is stored of a room that keeps no history', async () => {
    const stage = await openStage();
    const at = Date.now() - 60_000;
    const quiet = await stage.room('group', undefined, false);
    await say(stage, quiet, 'not to be kept', at);
    // It counts as active: something was stored in it, before that was switched off.
    await stage.store.messages.append({
      room: quiet,
      offset: 900,
      epoch: 'e',
      id: 'x'.repeat(22),
      sender: '{}',
      text: 'kept',
      data: undefined,
      at,
    });
    const group = await stage.room('group', undefined, true);
    await say(stage, group, 'kept', at);
    await stage.worker(stage.jobs(), { intervals: { streamsMs: 20 } });
    await until(async () => (await stage.store.messages.top(group)) === 1);
    await say(stage, group, 'kept too', at);
    await until(async () => (await stage.store.messages.top(group)) === 2);
    expect(textsOf(await stage.store.messages.after(quiet, 0, 10))).toEqual(['kept']);
  });
});
