import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AGENT_PASSWORD, addAgents } from '#test/support/agents.ts';
import type { ApiInstance } from '#test/support/api-instance.ts';
import { ApiPair } from '#test/support/api-pair.ts';
import type { PostgresDatabase } from '#test/support/postgres.ts';
import { Visitor } from '#test/support/visitor.ts';

let pair: ApiPair;
let database: PostgresDatabase;
let one: ApiInstance;
let two: ApiInstance;

beforeAll(async () => {
  pair = await ApiPair.start();
  ({ database, one, two } = pair);
});
afterAll(() => pair?.stop());

const either = (n: number): ApiInstance => pair.either(n);
const WRONG = 'AAAAAA';

/** A member, and the browser they registered in. */
async function member(name: string, from: string): Promise<Visitor> {
  const browser = new Visitor(from);
  const account = `${name}@example.org`;
  const { body } = await browser.post(one, '/auth/verify', { account, code: await browser.code(one, account) });
  expect((await browser.post(one, '/auth/register', { registration: body['registration'], name })).status).toBe(201);
  expect(browser.has('parley_device')).toBe(true);
  return browser;
}

describe('whoever knows a name', () => {
  it('[A1] [A2] who asks for codes and types wrong ones from one address stops nobody at another', async () => {
    await member('Olga', '192.0.2.1');
    const [owner, stranger] = [new Visitor('192.0.2.2'), new Visitor('198.51.100.1')];
    const code = await owner.code(two, 'Olga');
    for (let n = 0; n < 5; n++) await stranger.code(either(n), n % 2 === 0 ? 'Olga' : 'olga@example.org');
    expect((await stranger.post(one, '/auth/code', { account: 'olga' })).status).toBe(429);
    for (let n = 0; n < 10; n++)
      expect((await new Visitor('198.51.100.1').post(either(n), '/auth/verify', { account: 'OLGA', code: WRONG })).status).toBe(401);
    // The owner's own code is as it was, and another one can be had.
    const other = await owner.code(one, 'Olga');
    expect((await owner.post(two, '/auth/verify', { account: 'olga', code: code === WRONG ? code : WRONG })).status).toBe(401);
    expect((await owner.post(two, '/auth/verify', { account: 'olga', code: other })).status).toBe(200);
  });

  it('[A2] who shares the address with the one who asked cannot burn their code', async () => {
    await member('Paul', '192.0.2.3');
    const owner = new Visitor('192.0.2.4');
    const code = await owner.code(one, 'Paul');
    for (let n = 0; n < 8; n++)
      expect((await new Visitor('192.0.2.4').post(either(n), '/auth/verify', { account: 'Paul', code: WRONG })).status).toBe(401);
    expect((await owner.post(two, '/auth/verify', { account: 'Paul', code })).status).toBe(200);
  });

  it('[A1] [A2] with many addresses, uses up what strangers may try; the browser that the account knows goes on', async () => {
    const home = await member('Quin', '192.0.2.5');
    for (let n = 0; n < 40; n++) {
      const stranger = new Visitor(`198.51.100.${10 + n}`);
      const { status, body } = await stranger.post(either(n), '/auth/code', { account: 'Quin' });
      // The owner asked once, to register.
      expect(status).toBe(n < 29 ? 202 : 429);
      if (n < 25)
        expect((await stranger.post(one, '/auth/verify', { account: 'Quin', code: WRONG, ...body })).status).toBe(n < 20 ? 401 : 429);
    }
    // A right code is of no use to a stranger now.
    const [stranger] = await database.query('SELECT 1 FROM login_tries WHERE subject = $1 AND wrong = 20', ['account:quin@example.org']);
    expect(stranger).toBeDefined();
    expect((await new Visitor('192.0.2.5').post(one, '/auth/code', { account: 'Quin' })).status).toBe(429);
    const code = await home.code(two, 'Quin');
    for (let n = 0; n < 4; n++)
      expect((await home.post(either(n), '/auth/verify', { account: 'quin@example.org', code: WRONG })).status).toBe(401);
    expect((await home.post(one, '/auth/verify', { account: 'quin@example.org', code: code.toLowerCase() })).status).toBe(200);
    // Its own tries are ten, whatever codes it asks for.
    for (let n = 0; n < 7; n++) {
      if (n % 3 === 0) await home.code(two, 'Quin');
      expect((await home.post(either(n), '/auth/verify', { account: 'Quin', code: WRONG })).status).toBe(n < 6 ? 401 : 429);
    }
  });

  it('[A2] a browser known to one account is a stranger to all others', async () => {
    await member('Rosa', '192.0.2.6');
    const foreign = await member('Saul', '192.0.2.7');
    await database.query(
      "INSERT INTO login_tries VALUES ('account:rosa@example.org', 20, $1) ON CONFLICT (subject) DO UPDATE SET wrong = 20, until = $1",
      [Date.now() + 600_000],
    );
    const code = await foreign.code(one, 'Rosa');
    expect((await foreign.post(two, '/auth/verify', { account: 'Rosa', code })).status).toBe(429);
    expect((await foreign.post(two, '/auth/verify', { account: 'Saul', code: await foreign.code(two, 'Saul') })).status).toBe(200);
  });

  it('[A6] 100 wrong passwords from one address stop an agent neither elsewhere nor in a browser they logged in with', async () => {
    await addAgents(database.url, 'Tess');
    const right = { username: 'Tess', password: AGENT_PASSWORD };
    const known = new Visitor('203.0.113.1');
    expect((await known.post(one, '/public/login', right)).status).toBe(200);
    const attack = async (from: string, count: number) => {
      const answers = [];
      for (let n = 0; n < count; n++) answers.push((await one.post('/public/login', { ...right, password: 'wrong' }, {}, from)).status);
      return answers.filter((status) => status === 401).length;
    };
    expect(await attack('203.0.113.1', 100)).toBe(9);
    expect((await new Visitor('203.0.113.2').post(two, '/public/login', right)).status).toBe(200);
    expect((await known.post(two, '/public/login', right)).status).toBe(200);
    // What the address's limit refused was not counted with the name.
    expect((await database.query("SELECT wrong FROM login_tries WHERE subject = 'agent:tess'"))[0]).toEqual({ wrong: 9 });
    expect(await attack('203.0.113.3', 12)).toBe(10);
    expect(await attack('203.0.113.4', 12)).toBe(1);
    expect((await new Visitor('203.0.113.5').post(two, '/public/login', right)).status).toBe(429);
    expect((await known.post(two, '/public/login', right)).status).toBe(200);
  });
});
