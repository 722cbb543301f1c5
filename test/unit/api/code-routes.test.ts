import { describe, expect, it } from 'vitest';
import { HubError } from '#libs/protocol/errors.ts';
import { codeHash, newCode, typedCode } from '#services/api/account-name.ts';
import { ApiWorld, cookieOf, jsonOf, WORLD_NOW } from '#test/support/api-world.ts';

const KEY = new Uint8Array(32);

describe('a code', { timeout: 60_000 }, () => {
  it('[A1] is six of 31 digits and letters, each as likely as any other', () => {
    const counts = new Map<string, number>();
    const codes = 10_000;
    for (let n = 0; n < codes; n++) {
      const code = newCode();
      if (!/^[2-9A-HJKMNP-Z]{6}$/.test(code)) expect.unreachable(code);
      for (const character of code) counts.set(character, (counts.get(character) ?? 0) + 1);
    }
    expect(counts.size).toBe(31);
    const expected = (codes * 6) / 31;
    const chiSquare = [...counts.values()].reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
    // 30 degrees of freedom: beyond 95 once in 10^8 runs. A modulo of a byte would give 500 and more.
    expect(chiSquare).toBeLessThan(95);
  });

  it('[A1] is kept as a keyed hash that is good for its account only', () => {
    const hash = codeHash(KEY, 'ann@example.org', 'AB3DE6');
    expect(codeHash(KEY, 'ann@example.org', 'AB3DE6')).toBe(hash);
    expect(codeHash(KEY, 'ann@example.org', 'AB3DE7')).not.toBe(hash);
    expect(codeHash(KEY, 'ben@example.org', 'AB3DE6')).not.toBe(hash);
    expect(codeHash(new Uint8Array(32).fill(1), 'ann@example.org', 'AB3DE6')).not.toBe(hash);
  });

  it('[A2] is taken in either case, with blanks around it, and is nothing else', () => {
    for (const typed of ['ab3de6', 'AB3DE6', ' aB3dE6\n']) expect(typedCode(typed)).toBe('AB3DE6');
    for (const typed of ['', 'AB3DE', 'AB3DE67', 'AB3DE0', 'AB3DEO', 'AB3DE1', 'AB3DEI', 'AB3DEL', 'AB3DEß', 'AB 3DE', 'ＡB3DE6'])
      expect(typedCode(typed)).toBe('');
  });

  it('[A1] goes to an address or to the address of a nickname, one account whatever its spelling', async () => {
    const world = new ApiWorld();
    await world.member('Zoë', 'Zoe@Example.ORG');
    for (const account of ['zoe@example.org', 'ZOE@EXAMPLE.org', 'zoë', ' ZOË ', 'Zoe\u0308']) {
      const code = await world.code(account);
      expect(world.mails.at(-1)).toEqual({ to: expect.stringMatching(/^zoe@example\.org$/i), code, expiresAt: WORLD_NOW + 600_000 });
      expect((await world.post('/auth/verify', { account: account.toUpperCase(), code: code.toLowerCase() })).status).toBe(200);
    }
  });

  it('[A1] lasts 10 minutes, and a new one leaves it as it is: the attempt says which is meant', async () => {
    const world = new ApiWorld();
    await world.member('Ann', 'ann@example.org');
    const account = 'ann@example.org';
    const ask = async () => {
      const reply = await world.post('/auth/code', { account });
      expect(cookieOf(reply, 'parley_attempt')).toBe(jsonOf(reply)['attempt']);
      return { code: world.mails.at(-1)?.code, attempt: String(jsonOf(reply)['attempt']) };
    };
    const verify = async (body: object, cookie = '') => (await world.post('/auth/verify', { account, ...body }, { cookie })).status;
    const [first, second, third] = [await ask(), await ask(), await ask()];
    expect(await verify({ code: first.code })).toBe(401);
    expect(await verify({ ...first, attempt: second.attempt })).toBe(401);
    expect(await verify({ code: first.code }, `parley_attempt=${first.attempt}`)).toBe(200);
    expect(await verify(second, `parley_attempt=${third.attempt}`)).toBe(200);
    // A cookie of another account, or one that is over, means nothing.
    expect(await verify({ code: third.code }, `parley_attempt=${first.attempt}`)).toBe(200);
    const fourth = await ask();
    world.now += 600_000;
    expect(await verify(fourth)).toBe(401);
  });

  it('[A1] cannot be had where the queue or the store is away', async () => {
    const world = new ApiWorld({ queueMail: () => Promise.reject(new HubError('UNAVAILABLE', undefined, { retryAfter: 2 })) });
    expect((await world.post('/auth/code', { account: 'ann@example.org' })).status).toBe(503);
    const other = new ApiWorld();
    other.accounts.failure = new HubError('UNAVAILABLE');
    expect((await other.post('/auth/code', { account: 'ann@example.org' })).status).toBe(503);
    expect(other.mails).toEqual([]);
  });
});

describe('who has an account', { timeout: 60_000 }, () => {
  it('[A1] is not to be learnt: the same calls, the same queue, the same bytes for known and unknown', async () => {
    const traces = new Set<string>();
    for (const account of ['ann@example.org', 'nobody@example.org']) {
      const world = new ApiWorld();
      await world.member('Ann', 'ann@example.org');
      world.accounts.calls.length = 0;
      const { status, body, headers } = await world.post('/auth/code', { account });
      const { 'x-request-id': id, 'set-cookie': cookie, 'content-length': length, ...others } = headers;
      expect(id).toMatch(/^[0-9a-f-]{36}$/);
      expect(String(cookie)).toMatch(/^parley_attempt=[\w-]{43}; Max-Age=600; Path=\/api\/v1; HttpOnly; SameSite=Strict$/);
      expect(Number(length ?? body.length)).toBe(body.length);
      const mail = world.mails.at(-1);
      const shape = body.toString().replace(/"[\w-]{43}"/, '"..."');
      traces.add(JSON.stringify([status, shape, others, world.accounts.shapes, Object.keys(mail ?? {}), mail?.code.length]));
    }
    expect(traces.size).toBe(1);
    expect([...traces][0]).toContain(String.raw`[202,"{\"attempt\":\"...\"}"`);
  });

  it('[A1] nor by a nickname: a mail without recipient is queued where nobody has it', async () => {
    const traces = new Set<string>();
    for (const account of ['Ann', 'Nobody']) {
      const world = new ApiWorld();
      await world.member('Ann', 'ann@example.org');
      world.accounts.calls.length = 0;
      const { status, body } = await world.post('/auth/code', { account });
      const mail = world.mails.at(-1);
      expect(mail?.to).toBe(account === 'Ann' ? 'ann@example.org' : undefined);
      traces.add(JSON.stringify([status, body.length, world.accounts.shapes, Object.keys(mail ?? {})]));
    }
    expect(traces.size).toBe(1);
    expect([...traces][0]).toContain('"users.byName(string)","codes.put(object)"');
  });

  it('[A2] nor by a wrong code', async () => {
    const traces = new Set<string>();
    for (const account of ['ann@example.org', 'nobody@example.org', 'Ann', 'Nobody']) {
      const world = new ApiWorld();
      await world.member('Ann', 'ann@example.org');
      const code = await world.code(account);
      world.accounts.calls.length = 0;
      const reply = await world.post('/auth/verify', { account, code: code === 'aaaaaa' ? 'bbbbbb' : 'aaaaaa' });
      const { requestId: _, ...rest } = jsonOf(reply);
      traces.add(JSON.stringify([reply.status, rest, world.accounts.shapes]).replace('byMail', 'byName'));
    }
    expect(traces).toEqual(
      new Set([
        JSON.stringify([
          401,
          { code: 'CODE_INVALID', message: 'The code is wrong or over: ask for a new one.' },
          ['users.byName(string)', 'codes.redeem(object)'],
        ]),
      ]),
    );
  });

  it('[A2] a guessed code of a nickname that nobody has logs nobody in', async () => {
    const world = new ApiWorld();
    const code = await world.code('Nobody');
    expect((await world.post('/auth/verify', { account: 'Nobody', code })).status).toBe(401);
  });
});

describe('what is no account', { timeout: 60_000 }, () => {
  it('[A1] is refused before anything is done, naming the member', async () => {
    const world = new ApiWorld();
    for (const account of [
      '',
      'ann@',
      '@example.org',
      'a b@example.org',
      'ann@example.org\r\nBcc: eve@evil.test',
      '"a@evil.test x"@corp.test',
      'Ann <ann@example.org>',
      'ann@example.org,eve@evil.test',
      'n'.repeat(22),
      '\u0000',
    ]) {
      for (const [path, body] of [
        ['/auth/code', { account }],
        ['/auth/verify', { account, code: 'aaaaaa' }],
      ] as const) {
        const reply = await world.post(path, body);
        expect([reply.status, jsonOf(reply)['code']]).toEqual([400, 'INVALID_REQUEST']);
        expect(jsonOf(reply)['details']).toEqual([expect.objectContaining({ path: '/account' })]);
      }
    }
    for (const body of [{}, { account: 7 }, { account: 'ann@example.org', role: 'admin' }, { account: 'x'.repeat(400) }])
      expect((await world.post('/auth/code', body)).status).toBe(400);
    expect(world.accounts.calls).toEqual([]);
    expect(world.mails).toEqual([]);
  });
});

describe('verifying', { timeout: 60_000 }, () => {
  it('[A2] a code works once, and logs in', async () => {
    const world = new ApiWorld();
    const { user } = await world.member('Ann', 'ann@example.org');
    const code = await world.code('ann@example.org');
    const reply = await world.post('/auth/verify', { account: 'ann@example.org', code: ` ${code}\n` });
    expect(reply.status).toBe(200);
    const { token, refresh, session, expiresAt } = jsonOf(reply);
    expect(jsonOf(reply)['user']).toEqual(user);
    expect(expiresAt).toBe(WORLD_NOW / 1000 + 900);
    expect(session).toMatch(/^[0-9a-f-]{36}$/);
    expect(await world.credentials(token)).toMatchObject({
      ...((user as object) && { userId: (user as { id: string }).id }),
      name: 'Ann',
      kind: 'user',
      expiresAt,
    });
    expect(cookieOf(reply)).toBe(refresh);
    expect((await world.post('/auth/verify', { account: 'ann@example.org', code })).status).toBe(401);
  });

  it('[A2] five wrong tries burn a code', async () => {
    const world = new ApiWorld();
    await world.member('Ann', 'ann@example.org');
    const code = await world.code('ann@example.org');
    const tried = async (account: string, typed: string) => {
      const reply = await world.post('/auth/verify', { account, code: typed });
      return [reply.status, jsonOf(reply)['code']];
    };
    for (let n = 0; n < 4; n++) expect(await tried('Ann@example.org', `wrong${n}`)).toEqual([401, 'CODE_INVALID']);
    expect(await tried('ann@example.org', '')).toEqual([401, 'CODE_SPENT']);
    expect(await tried('ann@example.org', code)).toEqual([401, 'CODE_SPENT']);
  });

  it('[A1] [A2] a burnt code of an account that does not exist is told in the same way', async () => {
    const world = new ApiWorld();
    await world.code('Nobody');
    const codes: unknown[] = [];
    for (let n = 0; n < 6; n++) codes.push(jsonOf(await world.post('/auth/verify', { account: 'Nobody', code: `wrong${n}` }))['code']);
    expect(codes).toEqual([...Array(4).fill('CODE_INVALID'), 'CODE_SPENT', 'CODE_SPENT']);
  });

  it('[A1] the mail has the language of the request, one of those that there are', async () => {
    const world = new ApiWorld();
    for (const language of ['en', 'zh'] as const) {
      expect((await world.post('/auth/code', { account: 'ann@example.org', language })).status).toBe(202);
      expect(world.mails.at(-1)?.language).toBe(language);
    }
    expect((await world.post('/auth/code', { account: 'ann@example.org' })).status).toBe(202);
    expect(world.mails.at(-1)?.language).toBeUndefined();
    for (const language of ['fr', 'zh-CN', '', 7, 'constructor'])
      expect((await world.post('/auth/code', { account: 'ann@example.org', language })).status).toBe(400);
    expect(world.mails).toHaveLength(3);
  });

  it('[A2] gives a ticket to an address that is not registered, and no login', async () => {
    const world = new ApiWorld();
    const reply = await world.post('/auth/verify', { account: 'new@example.org', code: await world.code('new@example.org') });
    expect(reply.status).toBe(200);
    expect(jsonOf(reply)).toEqual({ registration: expect.stringMatching(/^[\w-]{43}$/) });
    expect(cookieOf(reply)).toBeUndefined();
    expect(world.accounts.families.size).toBe(0);
    expect(JSON.stringify([...world.accounts.tickets])).not.toContain(String(jsonOf(reply)['registration']));
  });
});

describe('registering', { timeout: 60_000 }, () => {
  const ticketFor = async (world: ApiWorld, account: string): Promise<unknown> =>
    jsonOf(await world.post('/auth/verify', { account, code: await world.code(account) }))['registration'];

  it('[A3] makes an account and logs in', async () => {
    const world = new ApiWorld();
    const registration = await ticketFor(world, 'ann@example.org');
    const reply = await world.post('/auth/register', { registration, name: ' Ann ' });
    expect(reply.status).toBe(201);
    expect(jsonOf(reply)['user']).toEqual({ id: expect.stringMatching(/^[0-9a-f-]{36}$/), name: 'Ann', kind: 'user' });
    expect(cookieOf(reply)).toBe(jsonOf(reply)['refresh']);
    expect((await world.post('/auth/register', { registration, name: 'Ann2' })).status).toBe(401);
  });

  it('[A3] refuses a name that somebody has, in any case, and keeps the ticket for another one', async () => {
    const world = new ApiWorld();
    await world.member('Ann', 'ann@example.org');
    const registration = await ticketFor(world, 'ben@example.org');
    for (const name of ['Ann', 'ANN', ' ann', 'Ａnn']) {
      const reply = await world.post('/auth/register', { registration, name });
      expect([reply.status, jsonOf(reply)['code']]).toEqual([409, 'NAME_TAKEN']);
    }
    const invalid = await world.post('/auth/register', { registration, name: 'ben@home' });
    expect([invalid.status, jsonOf(invalid)['code']]).toEqual([400, 'NAME_INVALID']);
    expect((await world.post('/auth/register', { registration, name: 'Ben' })).status).toBe(201);
  });

  it('[A3] needs a ticket that is good', async () => {
    const world = new ApiWorld();
    const registration = await ticketFor(world, 'ann@example.org');
    for (const wrong of ['', 'x'.repeat(43), String(registration).toLowerCase()]) {
      const reply = await world.post('/auth/register', { registration: wrong, name: 'Ann' });
      expect([reply.status, jsonOf(reply)['code']]).toEqual([401, 'CODE_INVALID']);
    }
    world.now += 600_000;
    expect((await world.post('/auth/register', { registration, name: 'Ann' })).status).toBe(401);
  });

  it('[A3] one address has one account, whatever tickets were given', async () => {
    const world = new ApiWorld();
    const tickets = [await ticketFor(world, 'ann@example.org'), await ticketFor(world, 'ann@example.org')];
    expect((await world.post('/auth/register', { registration: tickets[0], name: 'Ann' })).status).toBe(201);
    expect((await world.post('/auth/register', { registration: tickets[1], name: 'Other' })).status).toBe(401);
    expect(world.accounts.users).toHaveLength(1);
  });
});

describe('what is told to nobody', () => {
  it('[A1] no code, address or secret stands in the log, not even when something breaks', async () => {
    const world = new ApiWorld();
    const code = await world.code('ann@example.org');
    world.accounts.failure = new Error('broken');
    expect((await world.post('/auth/verify', { account: 'ann@example.org', code })).status).toBe(500);
    expect(world.logged).toHaveLength(1);
    expect(world.logged.join()).not.toMatch(new RegExp(`ann@|${code}`));
  });
});
