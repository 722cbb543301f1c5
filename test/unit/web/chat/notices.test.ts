import { beforeEach, describe, expect, it } from 'vitest';
import { Notices } from '#services/web/src/chat/state/notices.ts';
import { FakeTimers } from '#test/support/fake-chat-client.ts';

const BOB = { id: 'bob', name: 'Bob', kind: 'user' };
const DM = { room: 'dm:1', kind: 'dm', with: BOB } as const;

let timers: FakeTimers;
let notices: Notices;

beforeEach(() => {
  timers = new FakeTimers();
  notices = new Notices(timers);
});

const shown = () => notices.view.getState().map((notice) => ('text' in notice ? notice.text : notice.kind));
const idOf = (text: string) => notices.view.getState().find((notice) => 'text' in notice && notice.text === text)?.id ?? 0;
const inform = (text: string) => notices.add({ kind: 'inform', text });
const message = (text: string) => notices.add({ kind: 'message', to: DM, from: BOB, text });

describe('a notice', () => {
  it('goes after six seconds', async () => {
    inform('a');
    await timers.pass(3_000);
    inform('b');
    await timers.pass(2_999);
    expect(shown()).toEqual(['a', 'b']);
    await timers.pass(1);
    expect(shown()).toEqual(['b']);
    await timers.pass(3_000);
    expect(shown()).toEqual([]);
  });

  it('stays while the pointer is over it or the focus in it, and six seconds longer', async () => {
    inform('a');
    notices.hold(idOf('a'), 'pointer');
    notices.hold(idOf('a'), 'focus');
    await timers.pass(60_000);
    notices.release(idOf('a'), 'pointer');
    await timers.pass(60_000);
    expect(shown()).toEqual(['a']);
    notices.release(idOf('a'), 'focus');
    await timers.pass(5_999);
    expect(shown()).toEqual(['a']);
    await timers.pass(1);
    expect(shown()).toEqual([]);
  });

  it('waits for a page that can be seen', async () => {
    notices.setVisible(false);
    inform('a');
    await timers.pass(60_000);
    expect(shown()).toEqual(['a']);
    notices.setVisible(true);
    await timers.pass(6_000);
    expect(shown()).toEqual([]);
  });

  it('is one of three, and one for each room that somebody writes in', async () => {
    message('hi');
    inform('a');
    message('are you there?');
    expect(shown()).toEqual(['a', 'are you there?']);
    inform('b');
    inform('c');
    expect(shown()).toEqual(['are you there?', 'b', 'c']);
    notices.closeRoom('dm:1');
    expect(shown()).toEqual(['b', 'c']);
    notices.close(idOf('b'));
    expect(shown()).toEqual(['c']);
  });
});
