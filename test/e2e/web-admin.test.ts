import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it, onTestFinished } from 'vitest';

import { ADMIN_PASSWORD, act, inform, informed, lookUp, openAdmin } from '#test/support/admin-page.ts';
import { AllInOne } from '#test/support/all-in-one.ts';
import { seriousFaults } from '#test/support/axe.ts';
import { launchBrowser, newPerson, PATIENCE_MS, screenshot } from '#test/support/browser.ts';
import { ChatClient } from '#test/support/chat-client.ts';
import { groups } from '#test/support/groups.ts';
import { ecPair, forgeWithKey, Issuer, publicJwk } from '#test/support/issuer.ts';
import { PostgresDatabase } from '#test/support/postgres.ts';
import { until } from '#test/support/wait.ts';

const AXE = createRequire(import.meta.url).resolve('axe-core/axe.min.js');

let browser: Browser;
let hub: AllInOne;
let database: PostgresDatabase;
const problems: string[] = [];
const clients = new Set<ChatClient>();

beforeAll(async () => {
  database = await PostgresDatabase.create();
  const env = { DATABASE_URL: database.url, ADMIN_PASSWORD, DASHBOARD_URL: 'https://graphs.test/d/parley' };
  [browser, hub] = await Promise.all([launchBrowser(), AllInOne.start(env)]);
});
afterEach(async () => {
  await Promise.all(browser.contexts().map((context) => context.close()));
  await Promise.all([...clients].map((client) => client.close()));
  clients.clear();
  expect(problems.splice(0)).toEqual([]);
});
afterAll(async () => {
  await browser?.close();
  await hub?.kill9();
  await database?.drop();
});

const adminUrl = () => `http://127.0.0.1:${hub.adminPort}/admin/`;

const open = (options: BrowserContextOptions = {}): Promise<Page> => openAdmin({ browser, url: adminUrl(), problems }, options);

async function client(user: string, name = user): Promise<ChatClient> {
  const made = await ChatClient.connect(hub.wsUrl, user, { claims: { name, iat: Math.floor(Date.now() / 1000) } });
  clients.add(made);
  return made;
}

/** The address of an empty page of another origin. */
async function foreignPage(): Promise<string> {
  const server = createServer((_request, response) =>
    response.setHeader('content-type', 'text/html').end('<!doctype html><title>Other</title>'),
  );
  onTestFinished(() => void server.close());
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
}

describe('the admin page of npm start', () => {
  it('[A13] shows at a glance that all is well, and the numbers as they change', async () => {
    const page = await open();
    await page.getByRole('heading', { level: 1, name: 'All is well' }).waitFor();
    await expect.poll(() => page.title()).toContain('✓ All is well');
    const node = page.locator('[data-node]');
    await node.getByText('Serving').waitFor();
    const ann = await client('u-ann', 'Ann');
    const bob = await client('u-bob', 'Bob');
    await Promise.all([ann.join('den'), bob.join('den'), ann.join('attic')]);
    const tile = (name: string) => page.locator(`[data-tile="${name}"] dd`);
    await tile('online').getByText('2', { exact: true }).waitFor();
    await tile('connections').getByText('2', { exact: true }).waitFor();
    await tile('gateways').getByText('1 / 1').waitFor();
    await tile('database').getByText('answers').waitFor();
    await tile('redis').getByText('not used').waitFor();
    await node.locator('[data-fact="connections"] dd').getByText('2', { exact: true }).waitFor();
    await page.locator('[data-room="den"] td').getByText('2', { exact: true }).waitFor();
    expect(await page.locator('[data-room]').evaluateAll((rows) => rows.map((row) => row.getAttribute('data-room')))).toEqual([
      'den',
      'attic',
    ]);
    const queues = page.getByRole('region', { name: 'Queues' });
    expect(await queues.locator('[data-queue]').count()).toBe(3);
    expect(await queues.locator('[data-queue="mail"] [data-count="failed"]').textContent()).toBe('0');
    // In memory there is no board to look at.
    expect(await page.getByRole('link', { name: /Queue board/ }).count()).toBe(0);
    expect(await page.getByRole('link', { name: /Dashboards/ }).getAttribute('href')).toBe('https://graphs.test/d/parley');
    const online = page.getByRole('list', { name: 'Online now' });
    await online.getByRole('button', { name: /Bob/ }).waitFor();
    await screenshot(page, 'admin-well');
    await bob.close();
    await tile('online').getByText('1', { exact: true }).waitFor();
    await online.getByRole('button', { name: /Bob/ }).waitFor({ state: 'detached' });
  });

  it('[A13] counts the messages of a second', async () => {
    const page = await open();
    const ann = await client('u-ann', 'Ann');
    await ann.join('den');
    const rate = page.locator('[data-tile="messages"] dd');
    await until(
      async () => {
        await ann.message('den', 'hm');
        return (await rate.textContent()) !== '0';
      },
      { timeoutMs: PATIENCE_MS, describe: 'messages were counted' },
    );
  });

  it('[A13] looks people up by name and by id', async () => {
    const ann = await client('u-ann', 'Ann Oncall');
    await client('u-anna', 'Anna');
    await ann.close();
    const page = await open();
    const find = page.getByLabel('Find a person');
    const people = page.getByRole('region', { name: 'People' });
    await people.getByRole('button', { name: /Anna/ }).waitFor();
    await people.getByRole('heading', { name: /^Online now: \d+$/ }).waitFor();
    await lookUp(page, 'ann', 'u-ann');
    await page.getByRole('button', { name: 'Close' }).click();
    await people.getByText('2 people found').waitFor();
    await people.getByRole('button', { name: /Ann Oncall.*offline/ }).waitFor();
    await people.getByRole('button', { name: /Anna.*1 connection/ }).waitFor();
    await find.fill('u-anna');
    await page.keyboard.press('Enter');
    await people.getByText('1 person found').waitFor();
    await find.fill('<img src=x onerror=alert(1)>');
    await page.keyboard.press('Enter');
    await people.getByText('Nobody has this id').waitFor();
    await find.fill('ann on');
    await page.keyboard.press('Enter');
    await people.getByRole('button', { name: /Ann Oncall.*offline/ }).waitFor();
    // What is found is looked at again, as everything is.
    await client('u-ann', 'Ann Oncall');
    await people.getByRole('button', { name: /Ann Oncall.*1 connection/ }).waitFor();
    await page.getByRole('button', { name: 'Back to who is online' }).click();
    await page.getByRole('list', { name: 'Online now' }).getByRole('button', { name: /Anna/ }).waitFor();
  });

  it('[A13] shows some of many, and keeps them until others are asked for', async () => {
    await Promise.all(Array.from({ length: 70 }, (_, n) => client(`many-${n}`)));
    const page = await open();
    await page.getByText('50 of 70, picked at random').waitFor();
    const shown = () => page.locator('[data-person]').evaluateAll((all) => all.map((one) => one.getAttribute('data-person')));
    const first = await shown();
    expect(new Set(first).size).toBe(50);
    // Two looks later they are the same.
    for (let n = 0; n < 2; n++) await page.waitForResponse('**/admin/api/online?*');
    expect(await shown()).toEqual(first);
    await page.getByRole('button', { name: 'Pick others' }).click();
    await until(async () => (await shown()).join() !== first.join(), { timeoutMs: PATIENCE_MS, describe: 'others are shown' });
    // And everybody, page by page.
    await page.getByRole('button', { name: 'Show everybody' }).click();
    await page.getByText('50 of 70, by their ids').waitFor();
    await page.getByRole('button', { name: 'More people' }).click();
    await page.getByText('70 of 70, by their ids').waitFor();
    expect(await shown()).toEqual(Array.from({ length: 70 }, (_, n) => `many-${n}`).toSorted());
    expect(await page.getByRole('button', { name: 'More people' }).count()).toBe(0);
    await page.getByRole('button', { name: 'Back to some at random' }).click();
    await page.getByText('50 of 70, picked at random').waitFor();
    // Whom a name finds, too; and the rooms of one of them.
    await groups(database, 'many-7', 101);
    await page.getByLabel('Find a person').fill('many');
    await page.getByRole('button', { name: 'Find', exact: true }).click();
    for (const count of [20, 40, 60]) {
      await page.getByText(`The first ${count} people found`).waitFor();
      await page.getByRole('button', { name: 'More people' }).click();
    }
    await page.getByText('70 people found').waitFor();
    expect(new Set(await shown()).size).toBe(70);
    await page.locator('[data-person="many-7"]').click();
    const drawer = page.getByRole('dialog');
    await drawer.getByText('Group 2 (group)').waitFor();
    expect(await drawer.getByText('Group 1 (group)').count()).toBe(0);
    await drawer.getByRole('button', { name: 'More rooms' }).click();
    await drawer.getByText('Group 1 (group)').waitFor();
    expect(await drawer.getByText(/^Group \d+/).count()).toBe(101);
  });

  it('[A13] tells of a key set that cannot be fetched: its host, when it was there last, and why', async () => {
    const [issuer, key] = [await Issuer.start([]), ecPair()];
    onTestFinished(() => issuer.stop());
    const other = await AllInOne.start({
      DATABASE_URL: database.url,
      ADMIN_PASSWORD,
      JWT_JWKS_URL: `${issuer.url}/a-secret-path?key=a-secret-key`,
      JWT_ISSUER: 'https://login.test',
      JWT_AUDIENCE: 'hub',
    });
    onTestFinished(() => other.kill9());
    const ask = async () => {
      const claims = { sub: 'u', name: 'U', iss: 'https://login.test', aud: 'hub', exp: Math.floor(Date.now() / 1000) + 60 };
      const authorization = `Bearer ${forgeWithKey({ alg: 'ES256', kid: 'k' }, claims, key)}`;
      return (await fetch(`${other.url}/api/v1/rooms`, { headers: { authorization } })).status;
    };
    const { host } = new URL(issuer.url);
    const hubOf = async () => {
      const authorization = `Basic ${Buffer.from(`admin:${ADMIN_PASSWORD}`).toString('base64')}`;
      const answers = ['hub', 'nodes'].map(async (path) =>
        (await fetch(`http://127.0.0.1:${other.adminPort}/admin/api/${path}`, { headers: { authorization } })).text(),
      );
      const [known = '', nodes = ''] = await Promise.all(answers);
      expect(known + nodes).not.toContain('a-secret');
      return { keySet: JSON.parse(known).keySet as unknown, node: JSON.parse(nodes).nodes[0].keySet as unknown };
    };
    expect((await hubOf()).keySet).toEqual({ host, fetchedAt: null, problem: null });
    const page = await openAdmin({ browser, url: `http://127.0.0.1:${other.adminPort}/admin/`, problems });
    const panel = page.getByRole('region', { name: 'Keys of the external login' });
    await panel.getByText('Not needed yet').waitFor();
    issuer.status = 404;
    expect(await ask()).toBe(503);
    const failed = { host, fetchedAt: null, problem: 'it answers 404' };
    await until(async () => JSON.stringify((await hubOf()).node) === JSON.stringify(failed), {
      timeoutMs: PATIENCE_MS,
      describe: 'the gateway tells of it, too',
    });
    expect((await hubOf()).keySet).toEqual(failed);
    const finding = page.getByRole('listitem').filter({ hasText: `The login keys of ${host} cannot be fetched: it answers 404.` });
    await finding.getByText('There are none yet: its tokens are refused.').waitFor();
    await page.locator('[data-verdict="bad"]').waitFor();
    await panel.getByText('never').waitFor();
    expect(await seriousFaults(page)).toEqual([]);
    issuer.status = 200;
    issuer.keys = [publicJwk(key, 'k')];
    await until(async () => (await ask()) === 200, { timeoutMs: PATIENCE_MS, describe: 'the key set is fetched' });
    await panel.getByText('Fetched', { exact: true }).waitFor();
    await finding.waitFor({ state: 'detached' });
    expect((await hubOf()).keySet).toEqual({ host, fetchedAt: expect.any(Number), problem: null });
  });

  it('[A13] disconnects, logs out and bans, after asking, and the person feels it', async () => {
    const page = await open();
    let eve = await client('u-eve', 'Eve');
    await lookUp(page, 'Eve', 'u-eve');
    await page.getByText('online, 1 connection').waitFor();
    await screenshot(page, 'admin-person');
    // Asked, and thought better of.
    await page.getByRole('button', { name: 'Disconnect…' }).click();
    await page.getByRole('dialog').last().getByRole('button', { name: 'Cancel' }).click();
    await page.getByRole('button', { name: 'Disconnect…' }).click();
    await page.getByLabel('Reason').fill('a broken client');
    await screenshot(page, 'admin-confirm');
    await page.getByRole('dialog').last().getByRole('button', { name: 'Disconnect', exact: true }).click();
    await page.getByText('Disconnected: every gateway follows').waitFor();
    expect(await eve.closed).toMatchObject({ code: 4510 });
    expect(eve.frames.find(({ type }) => type === 'kicked')).toMatchObject({ by: 'a broken client' });
    await page.locator('[data-detail="presence"]').getByText('offline').waitFor();

    eve = await client('u-eve', 'Eve');
    await act(page, 'Log out…', 'Log out', 'Logged out');
    expect(await eve.closed).toMatchObject({ code: 4510 });

    await page.getByRole('button', { name: 'Ban…' }).click();
    const dialog = page.getByRole('dialog').last();
    await dialog.getByLabel('Reason').fill(' ');
    await page.keyboard.press('Enter');
    await dialog.getByRole('alert').getByText('enter a reason').waitFor();
    await dialog.getByLabel('Reason').fill('Three warnings.');
    await screenshot(page, 'admin-ban');
    expect(await seriousFaults(page)).toEqual([]);
    await page.keyboard.press('Enter');
    await page.getByRole('status').getByText('Banned').waitFor();
    await page.getByText(/banned until/).waitFor();
    await page.locator('[data-detail="reason"]').getByText('Three warnings.').waitFor();
    await screenshot(page, 'admin-banned');
    await until(
      () =>
        client('u-eve').then(
          () => false,
          () => true,
        ),
      { timeoutMs: PATIENCE_MS, describe: 'the banned one is refused' },
    );
    await act(page, 'Lift the ban…', 'Lift the ban', 'The ban is lifted');
    await page.getByText('not banned').waitFor();
    // Tokens made before the log-out stay refused: this one is of a second later.
    await until(
      () =>
        client('u-eve').then(
          () => true,
          () => false,
        ),
      { timeoutMs: PATIENCE_MS, describe: 'let in again' },
    );
  });

  it('[A13] tells everybody, a room and a person something', async () => {
    const page = await open();
    const [ann, bob] = [await client('u-ann', 'Ann'), await client('u-bob', 'Bob')];
    await ann.join('den');
    await inform(page, { kind: 'all' }, 'Back at four.');
    await until(() => informed(ann, 'Back at four.') && informed(bob, 'Back at four.'), { timeoutMs: PATIENCE_MS });
    await inform(page, { kind: 'room', label: 'Name of the room', name: 'den' }, 'The den is closing.');
    await until(() => informed(ann, 'The den is closing.'), { timeoutMs: PATIENCE_MS });
    await inform(page, { kind: 'user', label: 'Id of the person', name: 'u-bob' }, 'Hello Bob.');
    await until(() => informed(bob, 'Hello Bob.'), { timeoutMs: PATIENCE_MS });
    expect([informed(bob, 'The den is closing.'), informed(ann, 'Hello Bob.')]).toEqual([false, false]);
    const form = page.getByRole('region', { name: 'Send a notice' });
    await form.getByRole('button', { name: 'Send' }).click();
    await form.getByText('Enter a recipient and a text.').waitFor();
    await form.getByLabel('To', { exact: true }).selectOption('room');
    await form.getByLabel('Name of the room').fill('group:nowhere');
    await form.getByLabel('Text').fill('Anybody?');
    await form.getByRole('button', { name: 'Send' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Send', exact: true }).click();
    await page.getByRole('dialog').getByRole('alert').getByText('there is no such room').waitFor();
    // What the hub answered: 404.
    problems.splice(0);
  });

  it('[A13] is not shown without the password, and does nothing for pages of other sites', async () => {
    const person = await newPerson(browser, { httpCredentials: { username: 'admin', password: 'a wrong password' } });
    const page = await person.newPage();
    const reply = await page.goto(adminUrl());
    expect(reply?.status()).toBe(401);
    expect(await page.locator('#root').count()).toBe(0);

    const ann = await client('u-ann', 'Ann');
    const oncall = await newPerson(browser, { httpCredentials: { username: 'oncall', password: ADMIN_PASSWORD } });
    const own = await oncall.newPage();
    await own.goto(adminUrl());
    // A page of another port of this machine is of the same site, and of another origin: browsers send passwords along.
    const other = await oncall.newPage();
    await other.goto(await foreignPage());
    const cannot = other.evaluate(
      (url) =>
        fetch(url, { method: 'POST', mode: 'no-cors', credentials: 'include', body: '{"user":"u-ann","seconds":60}' }).then(
          () => false,
          () => true,
        ),
      `${adminUrl()}api/ban`,
    );
    expect(await cannot, 'it does not even learn the answer').toBe(true);
    for (const headers of [{ origin: hub.url, 'sec-fetch-site': 'same-site' }, { origin: hub.url }]) {
      const refused = await oncall.request.post(`${adminUrl()}api/ban`, { headers, data: { user: 'u-ann', seconds: 60 } });
      expect([refused.status(), (await refused.json()).code]).toEqual([403, 'ORIGIN_DENIED']);
    }
    expect(ann.connected).toBe(true);
    const known = await oncall.request.get(`${adminUrl()}api/users/u-ann`);
    expect(await known.json()).toMatchObject({ bannedUntil: null, online: true });
  });

  it('[A13] says so when the hub does not answer, and when it is back', async () => {
    const page = await open();
    await page.getByRole('heading', { name: 'All is well' }).waitFor();
    await (await client('u-ann', 'Ann')).join('den');
    await page.locator('[data-room="den"]').click();
    const parts = {
      drawer: page.getByRole('dialog', { name: 'den' }).locator('[data-person="u-ann"]'),
      agents: page.locator('section').filter({ hasText: 'There are no agents' }),
      waiting: page.locator('section').filter({ hasText: 'No customer waits' }),
    };
    /** How visible each part is, from 0 to 1: the product over all that it lies in. */
    const visible = async () =>
      Object.fromEntries(
        await Promise.all(
          Object.entries(parts).map(async ([name, part]) => [
            name,
            await part
              .locator('visible=true')
              .last()
              .evaluate((element) => {
                let opacity = 1;
                for (let at: Element | null = element; at !== null; at = at.parentElement) opacity *= Number(getComputedStyle(at).opacity);
                return opacity;
              }),
          ]),
        ),
      );
    for (const part of Object.values(parts)) await part.waitFor();
    expect(await visible()).toEqual({ drawer: 1, agents: 1, waiting: 1 });
    hub.child.signal('SIGSTOP');
    try {
      await page.getByText('The hub takes long to answer.').first().waitFor();
      await page.getByRole('heading', { name: 'Something is wrong' }).waitFor({ timeout: 60_000 });
      await page.getByText('The hub does not answer.').first().waitFor();
      await expect.poll(() => page.title()).toContain('✗');
      await expect.poll(visible, { timeout: 30_000 }).toEqual({ drawer: 0.55, agents: 0.55, waiting: 0.55 });
      await screenshot(page, 'admin-no-answer');
    } finally {
      hub.child.signal('SIGCONT');
    }
    await page.getByRole('heading', { name: 'All is well' }).waitFor({ timeout: 60_000 });
    await expect.poll(visible, { timeout: 30_000 }).toEqual({ drawer: 1, agents: 1, waiting: 1 });
    problems.splice(0);
  });

  it('[A13] works by keyboard, and gives the focus back', async () => {
    const page = await open();
    await client('u-ann', 'Ann');
    const ann = page.locator('[data-person="u-ann"]');
    await ann.focus();
    await page.keyboard.press('Enter');
    const dialog = page.getByRole('dialog', { name: 'Ann' });
    await dialog.getByText('What you can do').waitFor();
    await page.getByRole('button', { name: 'Ban…' }).focus();
    await page.keyboard.press('Enter');
    await page.getByRole('dialog', { name: 'Ban Ann?' }).waitFor();
    await page.keyboard.press('Escape');
    await page.getByRole('dialog', { name: 'Ban Ann?' }).waitFor({ state: 'detached' });
    await dialog.waitFor();
    await page.keyboard.press('Escape');
    await dialog.waitFor({ state: 'detached' });
    await until(() => ann.evaluate((element) => element === document.activeElement), { timeoutMs: PATIENCE_MS, describe: 'focus is back' });
  });

  // `npm run test:pages` looks at these views in every pair of language, colours and size.
  it.each([
    ['wide, dark', 'en', 'dark', 1280],
    ['narrow, light', 'zh-CN', 'light', 360],
  ] as const)('[A13] is fit for everybody: %s', async (name, locale, colorScheme, width) => {
    const ann = await client('u-ann', `Ann with a name that does not end ${'at all '.repeat(4)}`);
    await ann.join(`a-room-with-a-very-long-name-${'x'.repeat(90)}`);
    const page = await open({ locale, colorScheme, viewport: { width, height: 800 } });
    await page.locator('[data-room]').waitFor();
    await page.locator('[data-person="u-ann"]').waitFor();
    await screenshot(page, `admin-${name.replace(', ', '-')}`);
    const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    expect(wide, 'nothing sticks out').toBe(0);
    // The PostgreSQL of tests runs without fsync.
    const fsync = page.getByRole('listitem').filter({ hasText: 'fsync = on' });
    expect(await fsync.textContent()).toMatch(
      locale === 'en' ? /^Setting to change: PostgreSQL runs with / : /^建议修改的设置：PostgreSQL 的 /,
    );
    await unharmed(page);
    for (const [opens, shows] of [
      ['[data-node] [data-opens]', '[data-limit]'],
      ['[data-room] [data-opens]', '[role="dialog"] [data-person]'],
      ['[data-queue="mail"] [data-opens]', '[role="radiogroup"]'],
      ['[data-person="u-ann"]', '[data-detail="presence"]'],
    ] as const) {
      await page.locator(opens).first().click();
      await page.locator(shows).first().waitFor();
      const dialog = page.getByRole('dialog');
      expect(await dialog.evaluate((element) => element.scrollWidth - element.clientWidth), `${opens}: nothing sticks out`).toBe(0);
      await screenshot(page, `admin-${opens.slice(6, 10)}-${name.replace(', ', '-')}`);
      if (opens.includes('person')) await unharmed(page);
      await page.keyboard.press('Escape');
      await dialog.waitFor({ state: 'detached' });
    }
    expect(await page.evaluate(() => document.documentElement.lang)).toBe(locale === 'en' ? 'en' : 'zh-Hans');
  });
});

/** axe-core finds nothing serious. It is put into the page past the policy, by the debugger. */
async function unharmed(page: Page): Promise<void> {
  await page.evaluate(await readFile(AXE, 'utf8'));
  const found = await page.evaluate(async () => {
    const axe = (
      globalThis as unknown as { axe: { run(): Promise<{ violations: { id: string; impact: string; nodes: { html: string }[] }[] }> } }
    ).axe;
    const { violations } = await axe.run();
    return violations
      .filter(({ impact }) => impact === 'serious' || impact === 'critical')
      .map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' | ')}`);
  });
  expect(found).toEqual([]);
}
