import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AGENT_PASSWORD, addAgents } from '#test/support/agents.ts';
import type { ApiInstance, JsonAnswer } from '#test/support/api-instance.ts';
import { ApiPair } from '#test/support/api-pair.ts';
import { Visitor } from '#test/support/visitor.ts';

let pair: ApiPair;
let one: ApiInstance;
let two: ApiInstance;

beforeAll(async () => {
  pair = await ApiPair.start();
  ({ one, two } = pair);
});
afterAll(() => pair?.stop());

let last = 0;
/** An address that no other test uses. */
const fresh = (): string => `198.51.${Math.floor(++last / 250)}.${1 + (last % 250)}`;

const idOf = ({ body }: JsonAnswer): string => (body['user'] as { readonly id: string }).id;
const enter = (who: Visitor, api: ApiInstance = one): Promise<JsonAnswer> => who.post(api, '/guests', { name: 'Gast' });
const customer = (who: Visitor, api: ApiInstance = one): Promise<JsonAnswer> =>
  who.post(api, '/customers', { name: 'Kim', channel: 'shop' });
const banned = (reason: string) => ({
  status: 403,
  body: { code: 'BANNED', message: expect.any(String), until: expect.any(Number), reason, requestId: expect.any(String) },
});
/** Other users of an address, each in a browser of their own. */
const crowd = async (count: number, from: string): Promise<void> => {
  for (let n = 0; n < count; n += 1) expect((await enter(new Visitor(from), pair.either(n))).status).toBe(201);
};

describe('a banned guest', () => {
  it('[A17] [A4] gets no token, and learns until when and why; the same secret works when the ban is lifted', async () => {
    const gus = new Visitor(fresh());
    const entered = await enter(gus);
    const before = Date.now();
    await one.ban(idOf(entered), 600, 'Be kind.');
    await two.refresh();
    for (const api of [one, two]) {
      const refused = await gus.post(api, '/auth/refresh', { kind: 'user' });
      expect(refused).toMatchObject(banned('Be kind.'));
      expect(refused.body['until']).toBeGreaterThanOrEqual(before + 600_000);
      expect(refused.body['until']).toBeLessThan(before + 660_000);
      expect(await api.verdict(entered.body['token'])).toBe('BANNED');
    }
    expect(gus.has('parley_refresh')).toBe(true);
    await one.unban(idOf(entered));
    expect(idOf(await gus.post(one, '/auth/refresh', { kind: 'user' }))).toBe(idOf(entered));
  });

  it('[A17] starts over in vain: the ban holds for the browser, on every node, also after a logout and at another address', async () => {
    const gus = new Visitor(fresh());
    const entered = await enter(gus);
    const line = gus.lines.get('parley_guest') ?? '';
    expect(line).toMatch(/^parley_guest=[\w-]{22};/);
    expect(line).toMatch(/; Max-Age=31536000;.*Path=\/api\/v1;.*HttpOnly;.*SameSite=Strict/);
    await crowd(5, gus.from);
    await one.ban(idOf(entered), 600, 'Be kind.');
    await two.refresh();
    expect(await enter(gus, one)).toMatchObject(banned('Be kind.'));
    expect((await gus.post(one, '/auth/logout', { kind: 'user' })).status).toBe(204);
    expect(gus.has('parley_refresh')).toBe(false);
    gus.from = fresh();
    expect(await enter(gus, two)).toMatchObject(banned('Be kind.'));
    // Another browser at the first address is a stranger, who enters.
    await one.unban(idOf(entered));
    await two.refresh();
    for (const api of [one, two]) expect((await enter(gus, api)).status).toBe(201);
  });

  it('[A17] takes the other guests of the browser along', async () => {
    const gus = new Visitor(fresh());
    const earlier = await enter(gus);
    const later = await enter(gus);
    await one.ban(idOf(earlier), 600, 'Earlier.');
    expect(await one.verdict(later.body['token'])).toBe('BANNED');
    expect(await gus.post(one, '/auth/refresh', { kind: 'user' })).toMatchObject(banned('Earlier.'));
    await one.unban(idOf(earlier));
    expect(await one.verdict(later.body['token'])).toBe('good');
  });

  it('[A17] without a reason gets the end alone', async () => {
    const gus = new Visitor(fresh());
    await one.ban(idOf(await enter(gus)));
    const { body } = await enter(gus);
    expect(body).toMatchObject({ code: 'BANNED', until: expect.any(Number) });
    expect(body).not.toHaveProperty('reason');
  });
});

describe('the address of a banned guest', () => {
  it('[A17] is closed to new guests and accounts beside four others, over all nodes, and opened with the ban', async () => {
    const from = fresh();
    const entered = await enter(new Visitor(from), two);
    await crowd(4, from);
    const known = new Visitor(from);
    const neighbour = await enter(known);
    expect(neighbour.status).toBe(201);
    // The neighbour is the fifth: they count, until a day has passed.
    await one.ban(idOf(entered), 600, 'Be kind.');
    expect((await enter(new Visitor(from))).status).toBe(201);
    const small = fresh();
    const gus = await enter(new Visitor(small), two);
    await crowd(3, small);
    const friend = new Visitor(small);
    await enter(friend);
    await one.ban(idOf(gus), 600, 'Be kind.');
    await two.refresh();
    for (const api of [one, two]) expect(await enter(new Visitor(small), api)).toMatchObject(banned('Be kind.'));
    const registration = await one.ticket('new@example.org');
    expect(await new Visitor(small).post(one, '/auth/register', { registration, name: 'Newcomer' })).toMatchObject(banned('Be kind.'));
    expect(await customer(new Visitor(small))).toMatchObject(banned('Be kind.'));
    // Who was there goes on, and who has an account logs in.
    expect((await friend.post(one, '/auth/refresh', { kind: 'user' })).status).toBe(200);
    expect((await new Visitor(fresh()).post(one, '/auth/register', { registration, name: 'Newcomer' })).status).toBe(201);
    const member = new Visitor(small);
    const code = await member.code(one, 'new@example.org');
    expect((await member.post(one, '/auth/verify', { account: 'Newcomer', code })).status).toBe(200);
    expect((await enter(new Visitor(fresh()))).status).toBe(201);
    await one.unban(idOf(gus));
    await two.refresh();
    for (const api of [one, two]) expect((await enter(new Visitor(small), api)).status).toBe(201);
  });

  it('[A17] is a /64 of IPv6', async () => {
    const entered = await enter(new Visitor('2001:db8:0:7::1'));
    await one.ban(idOf(entered));
    expect((await enter(new Visitor('2001:db8:0:7:ffff::9'))).status).toBe(403);
    expect((await enter(new Visitor('2001:db8:0:8::1'))).status).toBe(201);
  });

  it('[A17] is in Redis for a day at most, and never in the clear', async () => {
    const from = '203.0.113.77';
    const gus = await enter(new Visitor(from));
    await one.ban(idOf(gus));
    const keys = ((await pair.redis.command('KEYS', '*:recent:*')) as string[]).map(String);
    expect(keys.map((key) => key.split(':').at(-1))).toEqual(expect.arrayContaining(['users', 'addresses', 'banned']));
    const members = await Promise.all(keys.map((key) => pair.redis.command('ZRANGE', key, '0', '-1')));
    expect(JSON.stringify([keys, members])).not.toMatch(/203\.0\.113|198\.51|2001/);
    const lives = (await Promise.all(keys.map((key) => pair.redis.command('PTTL', key)))).map(Number);
    for (const ms of lives) expect(ms > 0 && ms <= 86_400_000).toBe(true);
  });
});

describe('others', () => {
  it('[A17] a banned customer starts over in vain, and their secret works when the ban is lifted', async () => {
    const kim = new Visitor(fresh());
    const made = await customer(kim);
    expect(kim.lines.get('parley_visitor')).toMatch(/HttpOnly/);
    await crowd(5, kim.from);
    await one.ban(idOf(made), 600, 'No shouting.');
    expect(await customer(kim)).toMatchObject(banned('No shouting.'));
    const proof = { customerId: idOf(made), channel: 'shop' };
    expect(await kim.post(one, '/customers/token', proof)).toMatchObject(banned('No shouting.'));
    expect((await enter(kim)).status).toBe(201);
    await one.unban(idOf(made));
    expect((await kim.post(one, '/customers/token', proof)).status).toBe(200);
  });

  it('[A17] the ban of an account or agent holds for that user alone', async () => {
    const from = fresh();
    const home = new Visitor(from);
    const registration = await one.ticket('mia@example.org', from);
    const mia = await home.post(one, '/auth/register', { registration, name: 'Mia' });
    await addAgents(pair.database.url, 'Max');
    const max = await home.post(one, '/public/login', { username: 'Max', password: AGENT_PASSWORD });
    for (const who of [mia, max]) await one.ban(idOf(who), 600, 'Spam.');
    expect(await home.post(one, '/public/login', { username: 'Max', password: AGENT_PASSWORD })).toMatchObject(banned('Spam.'));
    expect(await home.post(one, '/auth/refresh', { kind: 'user' })).toMatchObject(banned('Spam.'));
    const code = await home.code(one, 'mia@example.org');
    expect(await home.post(one, '/auth/verify', { account: 'mia@example.org', code })).toMatchObject(banned('Spam.'));
    expect((await enter(home)).status).toBe(201);
    expect((await enter(new Visitor(from))).status).toBe(201);
  });
});
