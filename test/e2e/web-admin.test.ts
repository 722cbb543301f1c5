import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it, onTestFinished } from 'vitest';

import { AllInOne } from '#test/support/all-in-one.ts';
import { ApiProcess } from '#test/support/api-process.ts';
import { launchBrowser, newPerson, openTab, PATIENCE_MS, screenshot } from '#test/support/browser.ts';
import { ChatClient } from '#test/support/chat-client.ts';
import { PostgresDatabase } from '#test/support/postgres.ts';
import type { RedisServer } from '#test/support/redis-server.ts';
import { TcpProxy } from '#test/support/tcp-proxy.ts';
import { TestHub } from '#test/support/test-hub.ts';
import { until } from '#test/support/wait.ts';

const PASSWORD = 'a password of tests only';
const AXE = createRequire(import.meta.url).resolve('axe-core/axe.min.js');

let browser: Browser;
let hub: AllInOne;
let database: PostgresDatabase;
const problems: string[] = [];
const clients = new Set<ChatClient>();

beforeAll(async () => {
  database = await PostgresDatabase.create();
  const env = { DATABASE_URL: database.url, ADMIN_PASSWORD: PASSWORD, DASHBOARD_URL: 'https://graphs.test/d/parley' };
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

async function open(options: BrowserContextOptions = {}, url = adminUrl()): Promise<Page> {
  const person = await newPerson(browser, { locale: 'en', ...options, httpCredentials: { username: 'oncall', password: PASSWORD } });
  const page = await openTab(person, url, problems);
  await page.locator('[data-verdict]:not([data-verdict="unknown"])').waitFor();
  return page;
}

async function client(user: string, name = user): Promise<ChatClient> {
  const made = await ChatClient.connect(hub.wsUrl, user, { claims: { name, iat: Math.floor(Date.now() / 1000) } });
  clients.add(made);
  return made;
}

/** Looks a person up and opens what is known of them. */
async function lookUp(page: Page, text: string, id: string): Promise<void> {
  await page.getByLabel('Find a person').fill(text);
  // Who came is written down a moment later.
  await until(
    async () => {
      const answered = page.waitForResponse('**/admin/api/users?*');
      await page.getByRole('button', { name: 'Find', exact: true }).click();
      return (await (await answered).text()).includes(`"${id}"`);
    },
    { timeoutMs: PATIENCE_MS, describe: `${text} is found` },
  );
  await page.getByRole('list', { name: 'People found' }).locator(`[data-person="${id}"]`).click();
  await page.getByRole('dialog').getByText('What you can do').waitFor();
}

/** Presses a button of the person's panel, and says yes. */
async function act(page: Page, button: string, yes: string, done: string): Promise<void> {
  await page.getByRole('button', { name: button }).click();
  await page.getByRole('dialog').last().getByRole('button', { name: yes, exact: true }).click();
  await page.getByRole('status').getByText(done).waitFor();
}

async function inform(
  page: Page,
  to: { readonly kind: string; readonly label?: string; readonly name?: string },
  text: string,
): Promise<void> {
  const form = page.getByRole('region', { name: 'Send a notice' });
  await form.getByLabel('To', { exact: true }).selectOption(to.kind);
  if (to.label !== undefined) await form.getByLabel(to.label).fill(to.name ?? '');
  await form.getByLabel('Text').fill(text);
  await form.getByRole('button', { name: 'Send' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Send', exact: true }).click();
  await form.getByText('Sent.').waitFor();
}

const informed = (who: ChatClient, body: string): boolean =>
  who.frames.some((frame) => frame.type === 'inform' && JSON.stringify(frame).includes(`"body":"${body}"`));

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
  });

  it('[A13] disconnects, logs out and bans, after asking, and the person feels it', async () => {
    const page = await open();
    let eve = await client('u-eve', 'Eve');
    await lookUp(page, 'Eve', 'u-eve');
    await page.getByText('online, 1 connection').waitFor();
    await screenshot(page, 'admin-person');
    // Asked, and thought better of.
    await page.getByRole('button', { name: 'Disconnect …' }).click();
    await page.getByRole('dialog').last().getByRole('button', { name: 'Cancel' }).click();
    await page.getByRole('button', { name: 'Disconnect …' }).click();
    await page.getByLabel('Reason').fill('a broken client');
    await screenshot(page, 'admin-confirm');
    await page.getByRole('dialog').last().getByRole('button', { name: 'Disconnect', exact: true }).click();
    await page.getByText('Disconnected: every gateway follows').waitFor();
    expect(await eve.closed).toMatchObject({ code: 4510 });
    expect(eve.frames.find(({ type }) => type === 'kicked')).toMatchObject({ by: 'a broken client' });
    await page.locator('[data-detail="presence"]').getByText('offline').waitFor();

    eve = await client('u-eve', 'Eve');
    await act(page, 'Log out …', 'Log out', 'Logged out');
    expect(await eve.closed).toMatchObject({ code: 4510 });

    await act(page, 'Ban …', 'Ban', 'Banned');
    await page.getByText(/banned until/).waitFor();
    await screenshot(page, 'admin-banned');
    await until(
      () =>
        client('u-eve').then(
          () => false,
          () => true,
        ),
      { timeoutMs: PATIENCE_MS, describe: 'the banned one is refused' },
    );
    await act(page, 'Lift the ban …', 'Lift the ban', 'The ban is lifted');
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
    await form.getByText('Say to whom, and what.').waitFor();
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
    const oncall = await newPerson(browser, { httpCredentials: { username: 'oncall', password: PASSWORD } });
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

  it('[A13] says so when the hub gives no answer, and when it is back', async () => {
    const page = await open();
    await page.getByRole('heading', { name: 'All is well' }).waitFor();
    hub.child.signal('SIGSTOP');
    try {
      await page.getByText('The hub takes long to answer.').first().waitFor();
      await page.getByRole('heading', { name: 'Something is wrong' }).waitFor({ timeout: 60_000 });
      await page.getByText('The hub gives no answer').first().waitFor();
      await expect.poll(() => page.title()).toContain('✗');
      await screenshot(page, 'admin-no-answer');
    } finally {
      hub.child.signal('SIGCONT');
    }
    await page.getByRole('heading', { name: 'All is well' }).waitFor({ timeout: 60_000 });
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
    await page.getByRole('button', { name: 'Ban …' }).focus();
    await page.keyboard.press('Enter');
    await page.getByRole('dialog', { name: 'Ban Ann?' }).waitFor();
    await page.keyboard.press('Escape');
    await page.getByRole('dialog', { name: 'Ban Ann?' }).waitFor({ state: 'detached' });
    await dialog.waitFor();
    await page.keyboard.press('Escape');
    await dialog.waitFor({ state: 'detached' });
    await until(() => ann.evaluate((element) => element === document.activeElement), { timeoutMs: PATIENCE_MS, describe: 'focus is back' });
  });

  it.each([
    ['wide, light', 'en', 'light', 1280],
    ['wide, dark', 'en', 'dark', 1280],
    ['narrow, light', 'zh-CN', 'light', 360],
    ['narrow, dark', 'zh-CN', 'dark', 360],
  ] as const)('[A13] is fit for everybody: %s', async (name, locale, colorScheme, width) => {
    const ann = await client('u-ann', `Ann with a name that does not end ${'at all '.repeat(4)}`);
    await ann.join(`a-room-with-a-very-long-name-${'x'.repeat(90)}`);
    const page = await open({ locale, colorScheme, viewport: { width, height: 800 } });
    await page.locator('[data-room]').waitFor();
    await page.locator('[data-person="u-ann"]').waitFor();
    await screenshot(page, `admin-${name.replace(', ', '-')}`);
    const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    expect(wide, 'nothing sticks out').toBe(0);
    await unharmed(page);
    await page.locator('[data-person="u-ann"]').click();
    await page.locator('[data-detail="presence"]').waitFor();
    await unharmed(page);
    await screenshot(page, `admin-person-${name.replace(', ', '-')}`);
    expect(await page.evaluate(() => document.documentElement.lang)).toBe(locale === 'en' ? 'en' : 'zh-Hans');
  });
});

describe('the admin page of several nodes', () => {
  let nodes: TestHub<RedisServer>;
  let api: ApiProcess;
  TestHub.showLogs(() => nodes);
  beforeAll(async () => {
    nodes = await TestHub.single({ gateways: 2 });
    api = await ApiProcess.start({ ...nodes.settings, ADMIN_PASSWORD: PASSWORD });
  });
  afterEach(() => nodes.clear());
  afterAll(async () => {
    await api?.kill9();
    await nodes?.stop();
  });
  const openNodes = () => open({}, `http://127.0.0.1:${api.adminPort}/admin/`);
  const verdict = (page: Page, words: string) => page.getByRole('heading', { level: 1, name: words }).waitFor({ timeout: 60_000 });

  it('[A13] adds up what two gateways have, and reaches people on both', async () => {
    const page = await openNodes();
    await verdict(page, 'All is well');
    for (const { node } of nodes.gateways) await page.locator(`[data-node="${node}"][data-state="serving"]`).waitFor();
    const [one, two] = [await nodes.client('ann', 0), await nodes.client('ann', 1)];
    const bob = await nodes.client('bob', 1);
    await Promise.all([one.join('den'), bob.join('den')]);
    await page.locator('[data-tile="online"] dd').getByText('2', { exact: true }).waitFor();
    await page.locator('[data-tile="connections"] dd').getByText('3', { exact: true }).waitFor();
    await page
      .locator(`[data-node="${nodes.gateway(1).node}"] [data-fact="connections"] dd`)
      .getByText('2', { exact: true })
      .waitFor();
    await page.locator('[data-room="den"] td').getByText('2', { exact: true }).waitFor();
    await page.locator('[data-tile="redis"] dd').getByText('answers').waitFor();
    await screenshot(page, 'admin-nodes');
    await inform(page, { kind: 'room', label: 'Name of the room', name: 'den' }, 'To the den.');
    await until(() => informed(one, 'To the den.') && informed(bob, 'To the den.'), { timeoutMs: PATIENCE_MS });
    await lookUp(page, 'ann', 'ann');
    await page.getByText('online, 2 connections').waitFor();
    await act(page, 'Disconnect …', 'Disconnect', 'Disconnected');
    expect([(await one.closed).code, (await two.closed).code]).toEqual([4510, 4510]);
    expect(bob.connected).toBe(true);
  });

  it('[A13] shows a gateway that drains, until it has left in order', async () => {
    const page = await openNodes();
    const leaving = await nodes.add();
    const row = page.locator(`[data-node="${leaving.node}"]`);
    await row.getByText('Serving').waitFor();
    await nodes.client('ann', nodes.gateways.indexOf(leaving));
    const draining = async () => {
      const told = await page.request.get(`http://127.0.0.1:${api.adminPort}/admin/api/nodes`);
      const { nodes: all } = (await told.json()) as { nodes: { id: string; state: string }[] };
      return all.some(({ id, state }) => id === leaving.node && state === 'draining');
    };
    const ended = leaving.term(60_000);
    await until(draining, { timeoutMs: PATIENCE_MS, describe: 'it told that it drains' });
    // A drain of one person is over in two seconds: time is stopped, to look.
    leaving.freeze();
    try {
      await row.getByText('Draining').waitFor();
      await verdict(page, 'Keep an eye on this');
      await page.getByText(`Draining: ${leaving.node}`).first().waitFor();
      await screenshot(page, 'admin-draining');
    } finally {
      leaving.thaw();
    }
    expect(await ended).toBe(0);
    await row.waitFor({ state: 'detached' });
    await verdict(page, 'All is well');
  });

  it('[A13] names a gateway that froze, and is at ease when it moves again', async () => {
    const page = await openNodes();
    const frozen = nodes.gateway(1);
    await page.locator(`[data-node="${frozen.node}"][data-state="serving"]`).waitFor();
    frozen.freeze();
    try {
      await page.locator(`[data-node="${frozen.node}"][data-state="lost"]`).getByText('Lost', { exact: true }).waitFor({ timeout: 60_000 });
      await verdict(page, 'Something is wrong');
      await page.getByText(`Lost without a word: ${frozen.node}`).first().waitFor();
      await page.locator('[data-tile="gateways"] dd').getByText('1 / 2').waitFor();
      await screenshot(page, 'admin-lost');
    } finally {
      frozen.thaw();
    }
    await page.locator(`[data-node="${frozen.node}"][data-state="serving"]`).waitFor({ timeout: 60_000 });
    await verdict(page, 'All is well');
  });

  it('[A13] tells that Redis is away', async () => {
    const page = await openNodes();
    await verdict(page, 'All is well');
    nodes.backend.pause();
    try {
      await verdict(page, 'Something is wrong');
      await page.getByText('Redis does not answer').first().waitFor();
      await page.locator('[data-tile="redis"][data-bad="true"]').getByText('does not answer').waitFor();
      await screenshot(page, 'admin-redis-away');
    } finally {
      nodes.backend.resume();
    }
    await verdict(page, 'All is well');
    // 503, as it should.
    problems.splice(0);
  });

  it('[A13] tells that PostgreSQL is away', async () => {
    const { DATABASE_URL = '' } = nodes.settings;
    const proxy = await TcpProxy.start({ target: Number(new URL(DATABASE_URL).port) });
    onTestFinished(() => proxy.stop());
    const through = new URL(DATABASE_URL);
    through.port = String(proxy.port);
    const other = await ApiProcess.start({ ...nodes.settings, DATABASE_URL: through.href, ADMIN_PASSWORD: PASSWORD });
    onTestFinished(() => other.kill9());
    const page = await open({}, `http://127.0.0.1:${other.adminPort}/admin/`);
    await verdict(page, 'All is well');
    proxy.refuse();
    await verdict(page, 'Something is wrong');
    await page.getByText('PostgreSQL does not answer').first().waitFor();
    // What does not need it goes on.
    await page.locator('[data-tile="redis"] dd').getByText('answers').waitFor();
    await screenshot(page, 'admin-postgres-away');
    proxy.heal();
    await verdict(page, 'All is well');
    // 503, as it should.
    problems.splice(0);
  });

  it('[A13] shows what waits in the queues, says which does not move, and leads to their board', async () => {
    // There is no worker: it waits.
    expect((await api.post('/auth/code', { account: 'ann@mail.test' })).status).toBe(202);
    const page = await openNodes();
    await page.locator('[data-queue="mail"] [data-count="waiting"]').getByText('1', { exact: true }).waitFor();
    // A code is waited for: a queue that does not move is told.
    await verdict(page, 'Keep an eye on this');
    await page.getByText('Queue Mail does not move').first().waitFor();
    expect(await page.content()).not.toContain('mail.test');
    const opened = page.context().waitForEvent('page');
    await page.getByRole('link', { name: /Queue board/ }).click();
    const board = await opened;
    await board.waitForURL('**/admin/queues**');
    await board.getByText('room-expiry').first().waitFor();
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
