import { describe, expect, it } from 'vitest';
import { RecentSetsMemory } from '#libs/limits/recent-sets.ts';
import { HubError } from '#libs/protocol/errors.ts';
import { GuestAddresses } from '#services/api/guest-addresses.ts';
import { listeningLog } from '#test/support/api-world.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const HOME = '192.0.2.1';

function stage(sets = new RecentSetsMemory()) {
  const time = { now: 1_700_000_000_000 };
  const logged: string[] = [];
  const addresses = new GuestAddresses({ sets, key: new Uint8Array(32), now: () => time.now, log: listeningLog(logged) });
  const guest = (id: string, address = HOME, browser = `browser of ${id}`) => addresses.note({ id, browser }, address);
  const account = (id: string, address = HOME) => addresses.note({ id, browser: undefined }, address);
  return { addresses, guest, account, time, logged };
}

describe('the address of a banned guest', () => {
  it('[A17] is banned beside four others, and left out beside five', async () => {
    for (const others of [0, 4, 5, 40]) {
      const { addresses, guest, account, time } = stage();
      await guest('ann');
      for (let n = 0; n < others; n += 1) await (n % 2 === 0 ? guest(`g${n}`) : account(`u${n}`));
      await addresses.ban('ann', time.now + DAY);
      expect(await addresses.bannedAt(HOME), `${others} others`).toEqual(others < 5 ? ['ann'] : []);
      expect(await addresses.bannedAt('192.0.2.2')).toEqual([]);
    }
  });

  it('[A17] guests of one browser are one user: who starts over is not five others', async () => {
    const { addresses, guest, time } = stage();
    for (let n = 0; n < 9; n += 1) await guest(`start-${n}`, HOME, 'one browser');
    for (let n = 0; n < 9; n += 1) await guest(`other-${n}`, HOME, 'another browser');
    await addresses.ban('start-8', time.now + DAY);
    expect(await addresses.bannedAt(HOME)).toEqual(['start-8']);
  });

  it('[A17] counts the users of 24 hours, and is remembered as long', async () => {
    const { addresses, guest, account, time } = stage();
    for (let n = 0; n < 5; n += 1) await account(`u${n}`);
    await guest('old');
    time.now += DAY;
    await guest('ann');
    await addresses.ban('old', time.now + DAY);
    expect(await addresses.bannedAt(HOME)).toEqual([]);
    await addresses.ban('ann', time.now + DAY);
    expect(await addresses.bannedAt(HOME)).toEqual(['ann']);
  });

  it('[A17] is banned for an hour, or until the ban ends', async () => {
    const { addresses, guest, time } = stage();
    await guest('ann');
    await guest('ben', '192.0.2.2');
    await addresses.ban('ann', time.now + DAY);
    await addresses.ban('ben', time.now + 1000);
    time.now += 999;
    expect(await addresses.bannedAt('192.0.2.2')).toEqual(['ben']);
    time.now += 1;
    expect(await addresses.bannedAt('192.0.2.2')).toEqual([]);
    time.now += HOUR - 1001;
    expect(await addresses.bannedAt(HOME)).toEqual(['ann']);
    time.now += 1;
    expect(await addresses.bannedAt(HOME)).toEqual([]);
  });

  it('[A17] is each of the last four, and none of an account', async () => {
    const { addresses, guest, account, time } = stage();
    for (let n = 0; n < 6; n += 1) {
      await guest('ann', `192.0.2.${n}`);
      time.now += 1;
    }
    await account('cid', '198.51.100.1');
    await addresses.ban('ann', time.now + DAY);
    await addresses.ban('cid', time.now + DAY);
    const banned = await Promise.all([...Array(6).keys()].map(async (n) => (await addresses.bannedAt(`192.0.2.${n}`)).length));
    expect(banned).toEqual([0, 0, 1, 1, 1, 1]);
    expect(await addresses.bannedAt('198.51.100.1')).toEqual([]);
  });

  it('[A17] nobody is refused, and no ban fails, while Redis is away', async () => {
    const away = async (): Promise<never> => {
      throw new HubError('UNAVAILABLE');
    };
    const { addresses, guest, time, logged } = stage(Object.assign(new RecentSetsMemory(), { add: away, members: away }));
    await guest('ann');
    await addresses.ban('ann', time.now + DAY);
    expect(await addresses.bannedAt(HOME)).toEqual([]);
    expect(logged.join()).not.toContain(HOME);
  });
});
