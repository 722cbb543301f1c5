import { beforeEach, describe, expect, it } from 'vitest';

import { PairFinder } from '#services/web/src/chat/state/pair-finder.ts';
import type { Room } from '#services/web/src/chat/state/room-list.ts';
import { FakeTimers, refusal, settled } from '#test/support/fake-chat-client.ts';

const BOB = { id: 'bob', name: 'Bob', kind: 'user' };
const ROOM: Room = {
  room: 'pair:1',
  kind: 'pair',
  name: 'Bob',
  with: BOB,
  keepHistory: false,
  expiresAt: 99,
  count: 2,
  offset: 0,
  unread: 0,
};

let calls: string[];
let answers: unknown[];
let told: string[];
let pair: PairFinder;
let timers: FakeTimers;

beforeEach(() => {
  calls = [];
  answers = [];
  told = [];
  const call = async (method: string, path: string, body?: unknown): Promise<unknown> => {
    calls.push(`${method} ${path}${body === undefined ? '' : ` ${JSON.stringify(body)}`}`);
    const answer = answers.shift();
    if (answer instanceof Error) throw answer;
    return answer;
  };
  timers = new FakeTimers();
  pair = new PairFinder({ call }, timers, (room) => told.push(room));
});

describe('a pair', () => {
  it('[A9] is found at once', async () => {
    answers.push({ room: 'pair:1', with: BOB, expiresAt: 99 });
    await pair.ask(true);
    expect(calls).toEqual(['POST /rooms/match {"keepHistory":true}']);
    expect(pair.state).toEqual({ is: 'paired', pair: { room: 'pair:1', with: BOB, expiresAt: 99, keepsHistory: false } });
    expect(told).toEqual(['pair:1']);
    expect(pair.view.getState().askedByMe).toBe(true);
  });

  it('[A9] is waited for, asked for again with a new connection, and found', async () => {
    answers.push({ waiting: true }, { waiting: true });
    await pair.ask(false);
    expect(pair.state.is).toBe('waiting');
    pair.welcome();
    await settled();
    expect(calls).toHaveLength(2);
    expect(pair.matched('pair:1', BOB)).toBe(true);
    expect(pair.matched('pair:1', BOB)).toBe(false);
    expect(pair.state.is).toBe('paired');
    pair.welcome();
    expect(calls).toHaveLength(2);
  });

  it('[A9] that came before the answer is not lost by it', async () => {
    answers.push({ waiting: true });
    const asked = pair.ask(false);
    pair.matched('pair:1', BOB);
    await asked;
    expect(pair.state.is).toBe('paired');
  });

  it('[A9] is waited for no longer; where the hub cannot be told, it is', async () => {
    answers.push({ waiting: true }, refusal('UNREACHABLE'));
    await pair.ask(false);
    await pair.stop();
    expect([pair.state.is, pair.view.getState().problem]).toEqual(['waiting', 'UNREACHABLE']);
    await pair.stop();
    expect([pair.state.is, pair.view.getState().problem]).toEqual(['free', undefined]);
    await pair.stop();
    expect(calls.slice(1)).toEqual(['DELETE /rooms/match', 'DELETE /rooms/match']);
    pair.welcome();
    expect(calls).toHaveLength(3);
  });

  it('[A9] tells that the other one wants the history kept, until it is over', async () => {
    pair.matched('pair:1', BOB);
    pair.historyChanged('pair:2', 'asked');
    expect(pair.view.getState().askedByOther).toBe(false);
    pair.historyChanged('pair:1', 'asked');
    expect(pair.view.getState().askedByOther).toBe(true);
    pair.historyChanged('pair:1', 'kept');
    expect(told).toEqual(['pair:1', 'pair:1']);
    pair.closed('pair:1', 'closed');
    expect(pair.view.getState().askedByOther).toBe(false);
  });

  it('that cannot be asked for tells why', async () => {
    answers.push(refusal('FORBIDDEN'));
    await pair.ask(false);
    expect([pair.state.is, pair.view.getState().problem]).toEqual(['free', 'FORBIDDEN']);
  });

  it('[A9] is asked for again while the hub does not answer, until somebody stops', async () => {
    answers.push(refusal('UNREACHABLE'), refusal('UNAVAILABLE'), { waiting: true }, refusal('UNREACHABLE'), undefined);
    await pair.ask(true);
    expect(pair.state).toEqual({ is: 'waiting', unreached: true });
    await timers.pass(3_000);
    expect(pair.state).toEqual({ is: 'waiting', unreached: true });
    await timers.pass(3_000);
    expect(pair.state).toEqual({ is: 'waiting' });
    expect(new Set(calls)).toEqual(new Set(['POST /rooms/match {"keepHistory":true}']));
    pair.welcome();
    await settled();
    expect(pair.state).toEqual({ is: 'waiting', unreached: true });
    await pair.stop();
    await timers.pass(30_000);
    expect([pair.state.is, calls.length, calls.at(-1)]).toEqual(['free', 5, 'DELETE /rooms/match']);
  });

  it('[A9] requests take effect in their order, however fast somebody changes their mind', async () => {
    answers.push({ waiting: true }, { waiting: true }, { waiting: true });
    await pair.ask(false);
    pair.welcome();
    const stopped = pair.stop();
    const asked = pair.ask(true);
    await Promise.all([stopped, asked]);
    expect(pair.state).toEqual({ is: 'waiting' });
    expect(calls.at(-1)).toBe('POST /rooms/match {"keepHistory":true}');
  });

  it('[A9] others may find me if I say so; a hub that cannot be told changes nothing', async () => {
    answers.push(refusal('UNREACHABLE'), { pairing: 'waiting', findable: false });
    await pair.setFindable(true);
    await pair.readFindability();
    expect(pair.view.getState().findability).toBeUndefined();
    await pair.readFindability();
    expect(pair.view.getState().findability).toEqual({ pairing: 'waiting', findable: false });
    answers.push({ pairing: 'waiting', findable: true }, refusal('RATE_LIMITED'));
    await pair.setFindable(true);
    expect(pair.view.getState().findability?.findable).toBe(true);
    await pair.setFindable(false);
    expect([pair.view.getState().findability?.findable, pair.view.getState().problem]).toEqual([true, 'RATE_LIMITED']);
    expect(calls.slice(2)).toEqual(['PUT /rooms/match {"findable":true}', 'PUT /rooms/match {"findable":false}']);
  });

  it('keeps history once both want it', async () => {
    pair.listed([ROOM]);
    answers.push({ room: 'pair:1', with: BOB, expiresAt: 99 });
    await pair.askForHistory();
    expect(pair.view.getState().askedByMe).toBe(true);
    expect(told).toEqual(['pair:1']);
    pair.listed([{ ...ROOM, keepHistory: true }]);
    expect(pair.state).toMatchObject({ is: 'paired', pair: { keepsHistory: true } });
  });

  it.each([
    ['mine', [true, false]],
    ['theirs', [false, true]],
  ] as const)('knows of a wish for history that is %s from the list', (historyWish, [wished, asked]) => {
    pair.listed([{ ...ROOM, historyWish }]);
    expect([pair.view.getState().askedByMe, pair.view.getState().askedByOther]).toEqual([wished, asked]);
    pair.listed([ROOM]);
    expect([pair.view.getState().askedByMe, pair.view.getState().askedByOther]).toEqual([wished, asked]);
    // Another pair, found while this one was away.
    pair.listed([{ ...ROOM, room: 'pair:2' }]);
    expect([pair.view.getState().askedByMe, pair.view.getState().askedByOther]).toEqual([false, false]);
  });

  it.each([
    ['expired', 'expired'],
    ['closed', 'closed'],
  ])('that is %s is over', (reason, told) => {
    pair.listed([ROOM]);
    pair.closed('pair:other', reason);
    expect(pair.state.is).toBe('paired');
    pair.closed('pair:1', reason);
    expect(pair.state).toMatchObject({ is: 'over', reason: told });
  });

  it('that I end is over by me, though the hub tells it first', async () => {
    pair.listed([ROOM]);
    const ended = pair.end();
    pair.closed('pair:1', 'closed');
    await ended;
    expect(calls).toEqual(['DELETE /rooms/pair%3A1']);
    expect(pair.state).toMatchObject({ is: 'over', reason: 'mine' });
  });

  it('that cannot be ended stays, and tells why; one that is over already is over', async () => {
    pair.listed([ROOM]);
    answers.push(refusal('UNREACHABLE'), refusal('ROOM_CLOSED'));
    await pair.end();
    expect([pair.state.is, pair.view.getState().problem]).toEqual(['paired', 'UNREACHABLE']);
    await pair.end();
    expect(pair.state).toMatchObject({ is: 'over', reason: 'mine' });
  });

  it('that ended while one was away is over', () => {
    pair.listed([ROOM]);
    pair.listed([]);
    expect(pair.state).toMatchObject({ is: 'over', reason: 'closed' });
  });
});
