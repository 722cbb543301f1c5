import { describe, expect, it } from 'vitest';
import { HubError } from '#libs/protocol/errors.ts';
import type { Person } from '#libs/protocol/frame-types.ts';
import { ROOM_KINDS } from '#libs/protocol/room-kinds.ts';
import { Matchmaker, type Pairing } from '#libs/rooms/matchmaker.ts';
import type { MatchRequest, MatchResult, PairStore } from '#libs/store/conversation-store.ts';

const NOW = 1_700_000_000_000;
const member = (id: string): Person => ({ id, name: id.toUpperCase() });

interface World {
  /** User -> kind. */
  online: Record<string, string>;
  waiting: { user: Person; keepHistory: boolean; since: number }[];
  pair: Awaited<ReturnType<PairStore['of']>>;
  answer(request: MatchRequest): MatchResult | Promise<MatchResult>;
  readonly asked: MatchRequest[];
  readonly told: string[];
  readonly dropped: string[];
  now: number;
  steady: number;
  gone: string[];
  history: 'kept' | 'asked' | undefined;
  readonly matchmaker: Matchmaker;
}

/** `findable`: those who said that they may be found. */
function world(online: Record<string, string>, findable: readonly string[] = [], pairing: Pairing = 'waiting'): World {
  const self: World = {
    online,
    waiting: [],
    pair: undefined,
    answer: () => ({ state: 'waiting' }),
    asked: [],
    told: [],
    dropped: [],
    now: NOW,
    steady: 0,
    gone: [],
    history: 'kept',
    matchmaker: new Matchmaker({
      pairing,
      pairs: {
        isFindable: async (user) => findable.includes(user),
        setFindable: async () => undefined,
        someFindable: async () => [...findable],
        of: async () => self.pair,
        match: async (request) => {
          self.asked.push(request);
          return self.answer(request);
        },
        waiting: async () => self.waiting,
        stopWaiting: async (user, askedBefore) => void self.dropped.push(`${user} before ${askedBefore}`),
        wantHistory: async () => self.history,
      },
      seen: {
        get: async (users) =>
          users.flatMap((user) => {
            const kind = self.online[user] ?? 'user';
            return user in self.online ? [{ user, name: user.toUpperCase(), kind, lastSeen: NOW }] : [];
          }),
      },
      presence: {
        sessions: async (users) => users.map((user) => (user in self.online ? 1 : 0)),
        sample: async () => Object.keys(self.online),
      },
      kinds: { of: async (user) => self.online[user] },
      absences: {
        look: async (people) => ({
          here: people.filter(({ id }) => id in self.online),
          gone: people.filter(({ id }) => self.gone.includes(id)),
        }),
      },
      notifier: {
        membership: async (room, users) => void self.told.push(`${room} changed for ${users.join()}`),
      },
      sendNotices: async () => void self.told.push('sent'),
      scheduleExpiry: async (room, expiresAt) => void self.told.push(`${room} until ${expiresAt - NOW}`),
      roomName: () => 'pair:x',
      now: () => self.now,
      steady: () => self.steady,
    }),
  };
  return self;
}

const ids = (request: MatchRequest | undefined): string[] | undefined => request?.candidates.map(({ id }) => id);

describe('who is offered', () => {
  it.each([
    ['waiting', ['bob', 'gus']],
    ['anyone', ['gus', 'bob', 'lea']],
  ] as const)('[A9] who waits before who does not; people only; never the asker, never who is away (%s)', async (pairing, found) => {
    const here = { ann: 'user', max: 'agent', zoe: 'customer', gus: 'guest', bob: 'user', ida: 'user', lea: 'user' };
    const self = world(here, ['bob', 'away', 'max', 'zoe', 'gus', 'ann', 'ida'], pairing);
    self.waiting = ['ann', 'ida', 'gone'].map((id) => ({ user: member(id), keepHistory: false, since: NOW }));
    expect(await self.matchmaker.ask(member('ann'), true)).toEqual({ state: 'waiting' });
    const [first] = self.asked;
    expect(first).toMatchObject({
      user: member('ann'),
      keepHistory: true,
      room: 'pair:x',
      now: NOW,
      expiresAt: NOW + ROOM_KINDS.pair.limits.lifeMs,
    });
    expect(ids(first)).toEqual(['ida', ...found]);
    expect(self.told).toEqual([]);
  });

  it('[A9] a pair that is made is told and planned, one that was there is not', async () => {
    const self = world({ ann: 'user', bob: 'user' });
    const pair = { state: 'paired', room: 'pair:x', with: member('bob'), expiresAt: NOW + 5 } as const;
    self.answer = () => ({ ...pair, made: true });
    await self.matchmaker.ask(member('ann'), false);
    expect(self.told.splice(0)).toEqual(['pair:x changed for ann,bob', 'sent', 'pair:x until 5']);
    self.asked.length = 0;
    // Made by somebody else at this moment.
    self.answer = () => ({ ...pair, made: false });
    expect(await self.matchmaker.ask(member('ann'), false)).toMatchObject({ room: 'pair:x' });
    expect(self.asked.splice(0)).toHaveLength(1);
    self.pair = { room: 'pair:y', with: member('bob'), expiresAt: NOW };
    expect(await self.matchmaker.ask(member('ann'), false)).toMatchObject({ state: 'paired', made: false, room: 'pair:y' });
    expect(self.asked).toEqual([]);
    expect(self.told).toEqual([]);
    await self.matchmaker.ask(member('ann'), true);
    expect(self.told.splice(0)).toEqual(['pair:y changed for ann,bob', 'sent']);
    self.history = 'asked';
    await self.matchmaker.ask(member('ann'), true);
    expect(self.told.splice(0)).toEqual(['sent']);
    self.history = undefined;
    await self.matchmaker.ask(member('ann'), true);
    expect(self.told).toEqual([]);
  });

  it('[A9] one at a time is asked of the store; who waited too long for that is refused', async () => {
    const self = world({ ann: 'user', bob: 'user' });
    let busy = 0;
    let most = 0;
    self.answer = async () => {
      most = Math.max(most, ++busy);
      await new Promise(setImmediate);
      busy--;
      // The wall clock is set back meanwhile: that is no longer patience.
      self.now -= 3_600_000;
      self.steady += 12_000;
      return { state: 'paired', made: false, room: 'pair:x', with: member('bob'), expiresAt: NOW };
    };
    const answers = await Promise.allSettled(Array.from({ length: 6 }, () => self.matchmaker.ask(member('ann'), false)));
    expect(most).toBe(1);
    expect(answers.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'fulfilled', 'rejected', 'rejected', 'rejected']);
    expect(answers.at(-1)).toMatchObject({ reason: { code: 'UNAVAILABLE' } });
  });

  it('[A9] a store that is away fails who asks, not who asks next', async () => {
    const self = world({ ann: 'user', bob: 'user' });
    self.answer = () => {
      self.answer = () => ({ state: 'paired', made: false, room: 'pair:x', with: member('bob'), expiresAt: NOW });
      throw new HubError('UNAVAILABLE');
    };
    const answers = await Promise.allSettled([self.matchmaker.ask(member('ann'), false), self.matchmaker.ask(member('ann'), false)]);
    expect(answers.map(({ status }) => status)).toEqual(['rejected', 'fulfilled']);
  });
});

describe('the sweep', () => {
  it('[A9] pairs those who wait, each once, the longest first', async () => {
    const self = world({ ann: 'user', bob: 'user', cleo: 'user', dan: 'guest', eve: 'user' }, ['dan']);
    self.waiting = ['ann', 'bob', 'cleo'].map((id) => ({ user: member(id), keepHistory: id === 'ann', since: NOW }));
    self.answer = ({ candidates: [other] }) =>
      other === undefined ? { state: 'waiting' } : { state: 'paired', made: true, room: 'pair:x', with: other, expiresAt: NOW };
    await self.matchmaker.sweep();
    expect(self.asked.map(({ user, keepHistory }) => [user.id, keepHistory])).toEqual([
      ['ann', true],
      ['cleo', false],
    ]);
    expect(ids(self.asked[1])).toEqual(['dan']);
    expect(self.told.filter((line) => line.includes('changed'))).toEqual(['pair:x changed for ann,bob', 'pair:x changed for cleo,dan']);
  });

  it('[A9] forgets who has gone, unless they ask at this moment', async () => {
    const self = world({});
    self.waiting = ['left', 'just-left'].map((id) => ({ user: member(id), keepHistory: false, since: NOW - 3_000_000 }));
    self.gone = ['left'];
    await self.matchmaker.sweep();
    expect(self.dropped).toEqual([`left before ${NOW - 60_000}`]);
    expect(self.asked).toEqual([]);
  });

  it('[A9] does not begin anew while it runs', async () => {
    const self = world({ ann: 'user', bob: 'user' }, ['bob']);
    self.waiting = [{ user: member('ann'), keepHistory: false, since: NOW }];
    await Promise.all([self.matchmaker.sweep(), self.matchmaker.sweep()]);
    expect(self.asked).toHaveLength(1);
    await self.matchmaker.sweep();
    expect(self.asked).toHaveLength(2);
  });
});
