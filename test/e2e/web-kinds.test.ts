import { randomUUID } from 'node:crypto';
import type { Browser, BrowserContextOptions, Locator, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';

import { addAgents, logInAsAgent } from '#test/support/agents.ts';
import { AllInOne } from '#test/support/all-in-one.ts';
import { seriousFaults } from '#test/support/axe.ts';
import { launchBrowser, newPerson, openTab, PATIENCE_MS, screenshot } from '#test/support/browser.ts';
import { ChatClient } from '#test/support/chat-client.ts';
import { comeIn, goTo, heldNotice, line, mayBeFound, say } from '#test/support/chat-page.ts';
import { hide, playNotifications, shownNotifications } from '#test/support/notifications.ts';
import { PostgresDatabase } from '#test/support/postgres.ts';
import { until } from '#test/support/wait.ts';

const KEY = 'a-service-key-of-tests-only-0123456789';
/** Names that say what their bearers are not. */
const BOB = 'Agent (Bob)';
const GUEST = 'Guest [agent]';

let browser: Browser;
let hub: AllInOne;
let database: PostgresDatabase;
const problems: string[] = [];
const clients: ChatClient[] = [];

beforeAll(async () => {
  [database, browser] = await Promise.all([PostgresDatabase.create(), launchBrowser()]);
  hub = await AllInOne.start({ DATABASE_URL: database.url, API_KEYS: `shop:${KEY}` });
  await addAgents(database.url, 'Max', 'Mia');
});

afterEach(async () => {
  await Promise.all([...browser.contexts().map((context) => context.close()), ...clients.splice(0).map((client) => client.close())]);
  expect(problems.splice(0)).toEqual([]);
});

afterAll(async () => {
  await browser?.close();
  await hub?.kill9();
  await database?.drop();
});

/** Somebody in the park, without a page. */
async function inPark(name: string, kind: string): Promise<ChatClient> {
  const client = await ChatClient.connect(hub.wsUrl, randomUUID(), { claims: { name, kind } });
  clients.push(client);
  await client.join('park');
  return client;
}

async function guest(name: string, options: BrowserContextOptions = {}): Promise<Page> {
  const page = await comeIn({ browser, url: hub.url, problems }, name, options);
  await page.locator('main[data-room="park"][data-state="open"]').waitFor();
  return page;
}

async function agent(name: string): Promise<Page> {
  const page = await openTab(await newPerson(browser), `${hub.url}/agent`, problems);
  await logInAsAgent(page, name);
  return page;
}

const publish = (body: object) =>
  fetch(`${hub.url}/api/v1/publish`, {
    method: 'POST',
    headers: { authorization: `Bearer ${KEY}`, 'content-type': 'application/json' },
    body: JSON.stringify({ room: 'park', ...body }),
  });

/** The tags in a place, by the hub's word and the page's. */
const tags = (place: Locator) =>
  place.locator('[data-kind]').evaluateAll((found) => found.map((tag) => `${tag.getAttribute('data-kind')}: ${tag.textContent}`));

/** Waits until the place has exactly these tags. */
async function tagged(place: Locator, ...expected: readonly string[]): Promise<void> {
  let seen: string[] = [];
  await until(
    async () => {
      seen = await tags(place);
      return JSON.stringify(seen) === JSON.stringify(expected);
    },
    { timeoutMs: PATIENCE_MS, describe: () => `tags ${expected.join()}, not ${seen.join()}` },
  );
}

const present = (page: Page, name: string) => page.locator(`aside [data-person="${name}"]`);

describe('who somebody is', () => {
  it('[F8] stands beside each name in a room, in a tag that no name can imitate', async () => {
    const page = await guest('Gus');
    const [ann, bob] = [await inPark(GUEST, 'user'), await inPark(BOB, 'guest')];
    const mod = await inPark('Moe', 'moderator');
    const own = await inPark('Olga', 'a-word-of-its-own');
    await ann.message('park', 'from ann');
    await bob.message('park', 'from bob');
    await mod.message('park', 'from mod');
    await own.message('park', 'from own');
    await publish({ text: 'from a service' });
    await publish({ text: 'made up', as: { id: 'nobody', name: 'Agent Smith' } });
    await publish({ text: 'made up anew', as: { id: 'nobody', name: 'Somebody else' } });
    await tagged(line(page, 'from ann'));
    await tagged(line(page, 'from bob'), 'guest: guest');
    await tagged(line(page, 'from mod'), 'moderator: moderator');
    await tagged(line(page, 'from own'));
    await tagged(line(page, 'from a service'), 'service: service');
    await tagged(line(page, 'made up'), 'service: service');
    // One id with two names is two speakers.
    await line(page, 'made up anew').getByText('Somebody else').waitFor();
    expect(await line(page, 'made up anew').getAttribute('data-together')).toBeNull();

    await tagged(present(page, GUEST));
    await tagged(present(page, BOB), 'guest: guest');
    await tagged(present(page, 'Gus'), 'guest: guest');
    await tagged(present(page, 'Moe'), 'moderator: moderator');
    expect(await present(page, BOB).locator('bdi').textContent()).toBe(BOB);

    const typing = page.locator('[data-typing="1"]').filter({ has: page.locator('[data-kind="guest"]') });
    const typed = typing.filter({ hasText: `${BOB} guest is typing…` }).waitFor();
    bob.typing('park');
    await typed;
    expect(await page.getByRole('log').first().textContent()).toBe('Somebody else service: made up anew');
    await screenshot(page, 'kinds-park');
    expect(await seriousFaults(page)).toEqual([]);

    await page.getByRole('button', { name: '中文' }).click();
    await tagged(line(page, 'from bob'), 'guest: 访客');
    await tagged(line(page, 'from a service'), 'service: 服务程序');
    await tagged(present(page, 'Moe'), 'moderator: 管理员');
  });

  it('[F8] stands beside a partner and whoever writes to one, in the list, the head and the notices, and in notifications', async () => {
    const small = { viewport: { width: 360, height: 640 }, colorScheme: 'dark' } as const;
    const page = await comeIn({ browser, url: hub.url, problems }, 'Gil', small);
    await playNotifications(page);
    await page.reload();
    await page.locator('[data-state="connected"]').waitFor();
    await page.evaluate(() => Notification.requestPermission());
    const bob = await inPark(BOB, 'guest');
    const me = (await bob.presence('park')).users?.find(({ name }) => name === 'Gil');
    const entry = page.locator('nav a[data-room^="dm:"]');
    await goTo(page, '#/');
    await bob.request({ type: 'message', to: me?.id, text: 'psst' });
    await tagged(entry, 'guest: guest');
    await hide(page, true);
    await bob.request({ type: 'message', to: me?.id, text: 'are you there?' });
    await inPark(GUEST, 'user').then((ann) => ann.message('park', 'hello Gil'));
    await expect.poll(async () => (await shownNotifications(page)).map(({ title }) => title)).toEqual([`[guest] ${BOB}`, 'Guest (agent)']);
    await hide(page, false);
    await screenshot(page, 'kinds-lobby-small-dark');
    expect(await page.evaluate(() => document.documentElement.scrollWidth > innerWidth)).toBe(false);
    await entry.click();
    await tagged(page.locator('main header'), 'guest: guest');
    await page.getByRole('heading', { name: BOB, exact: true }).waitFor();
    await line(page, 'psst').waitFor();
    await screenshot(page, 'kinds-direct-small-dark');
    expect(await page.evaluate(() => document.documentElement.scrollWidth > innerWidth)).toBe(false);
    expect(await seriousFaults(page)).toEqual([]);
  });

  it('[F8] [A9] stands beside a partner', async () => {
    const [gus, eve] = [await guest('Gus'), await guest('Eve')];
    await mayBeFound(gus);
    await goTo(eve, '#/pair');
    await eve.getByRole('button', { name: 'Find a partner' }).click();
    await tagged(eve.locator('main header'), 'guest: guest');
    await tagged(eve.locator('nav a[data-pair="paired"]'), 'guest: guest');
    const notice = await heldNotice(gus, 'paired');
    await tagged(notice, 'guest: guest');
    expect(await notice.locator('p').textContent()).toBe('You were paired with Eve guest.');
    await screenshot(gus, 'kinds-paired');
    await screenshot(eve, 'kinds-pair');
  });

  it('[F8] [A8] stands beside the members of a group and those who may be taken into one', async () => {
    const gus = await guest('Gus');
    await inPark(BOB, 'guest');
    await present(gus, BOB).waitFor();
    await gus.getByRole('button', { name: 'New group' }).click();
    await gus.getByLabel('Name of the group').fill('Night');
    const choice = gus.getByRole('dialog').locator('label').filter({ hasText: BOB });
    await tagged(choice, 'guest: guest');
    await choice.click();
    await gus.getByRole('button', { name: 'Create' }).click();
    await gus.locator('main[data-room^="group:"][data-state="open"]').waitFor();
    await tagged(present(gus, BOB), 'guest: guest');
    await say(gus, 'hi');
    await tagged(gus.locator('nav a[data-room^="group:"]'), 'guest: guest');
    await screenshot(gus, 'kinds-group');
  });

  it('[F8] [A10] stands beside customers and agents, at the workbench and in the widget', async () => {
    const widget = await openTab(await newPerson(browser, { viewport: { width: 360, height: 640 } }), `${hub.url}/widget.html`, problems);
    await widget.getByLabel('Your name').fill('Agent Zoe');
    await widget.keyboard.press('Enter');
    await widget.getByLabel('Message', { exact: true }).fill('a parcel');
    await widget.keyboard.press('Enter');
    const [max, mia] = [await agent('Max'), await agent('Mia')];
    const [first, second] = (await Promise.race([
      max
        .getByRole('navigation')
        .getByRole('button', { name: 'Agent Zoe' })
        .waitFor()
        .then(() => [max, mia]),
      mia
        .getByRole('navigation')
        .getByRole('button', { name: 'Agent Zoe' })
        .waitFor()
        .then(() => [mia, max]),
    ])) as [Page, Page];
    const row = first.getByRole('navigation').getByRole('button', { name: 'Agent Zoe' });
    await tagged(row, 'customer: customer');
    await row.click();
    await tagged(first.locator('main header'), 'customer: customer');
    const left = (selector: string) => first.locator(`main header ${selector}`).evaluate((one) => one.getBoundingClientRect().left);
    const [dot, called] = [await left('[data-online]'), await left('h2')];
    expect(dot, 'the dot stands before the name').toBeLessThan(called);
    await tagged(first.locator('li[data-state="stored"]'), 'customer: customer');
    await first.getByLabel('Message', { exact: true }).fill('which one?');
    await first.keyboard.press('Enter');
    await tagged(widget.getByRole('status'), 'agent: agent');
    await tagged(widget.locator('li[data-state="stored"]').filter({ hasText: 'which one?' }), 'agent: agent');
    // Told at most once a second: whoever goes on typing is seen.
    await until(
      async () => {
        await first.getByLabel('Message', { exact: true }).press('y');
        return widget.getByText('is typing…').locator('[data-kind="agent"]').isVisible();
      },
      { timeoutMs: PATIENCE_MS, describe: 'the customer sees who types', everyMs: 200 },
    );
    await screenshot(widget, 'kinds-widget-small');
    expect(await widget.evaluate(() => document.documentElement.scrollWidth > innerWidth)).toBe(false);
    expect(await seriousFaults(widget)).toEqual([]);

    expect(await seriousFaults(first)).toEqual([]);
    await first.getByRole('button', { name: 'Give to' }).click();
    const menu = first.getByRole('menu');
    await tagged(menu, 'agent: agent');
    await screenshot(first, 'kinds-workbench');
    await menu.getByRole('menuitem').click();
    await first.getByRole('tab', { name: 'Colleagues' }).click();
    const other = first.getByRole('navigation').getByRole('button', { name: 'Agent Zoe' });
    await tagged(other, 'customer: customer', 'agent: agent');
    await tagged(first.locator('[data-pane]'), 'customer: customer', 'agent: agent');
    // What a colleague said before is an agent's, too.
    await second.getByRole('navigation').getByRole('button', { name: 'Agent Zoe' }).click();
    await tagged(second.locator('li[data-state="stored"]'), 'customer: customer', 'agent: agent');
    await second.getByRole('button', { name: '中文' }).click();
    await tagged(second.locator('li[data-state="stored"]'), 'customer: 客户', 'agent: 客服');
    await screenshot(second, 'kinds-workbench-zh');
  });
});
