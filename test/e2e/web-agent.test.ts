import type { Browser, BrowserContext, BrowserContextOptions, Page, WebSocketRoute } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';

import { AGENT_PASSWORD, addAgents, atDesk, logInAsAgent } from '#test/support/agents.ts';
import { AllInOne } from '#test/support/all-in-one.ts';
import { seriousFaults } from '#test/support/axe.ts';
import {
  connected,
  enterAsGuest,
  launchBrowser,
  newPerson,
  openTab,
  PATIENCE_MS,
  screenshot,
  shows,
  threadOf,
} from '#test/support/browser.ts';
import { Customer } from '#test/support/customer.ts';
import { askedForNotifications, clickNotification, hide, playNotifications, shownNotifications } from '#test/support/notifications.ts';
import { PostgresDatabase } from '#test/support/postgres.ts';
import { until } from '#test/support/wait.ts';

let browser: Browser;
let hub: AllInOne;
let database: PostgresDatabase;
const problems: string[] = [];
const customers: Customer[] = [];

beforeAll(async () => {
  [database, browser] = await Promise.all([PostgresDatabase.create(), launchBrowser()]);
  hub = await AllInOne.start({ DATABASE_URL: database.url });
  // One name may log in ten times in ten minutes.
  await addAgents(database.url, 'Max', 'Mia', 'Zoe');
});

afterEach(async () => {
  for (const customer of customers.splice(0)) customer.leave();
  await Promise.all(browser.contexts().map((context) => context.close()));
  await until(async () => (await online()) === 0, { timeoutMs: PATIENCE_MS, describe: 'everybody has gone' });
  await database.query("UPDATE conversations SET state = 'closed'");
  expect(problems.splice(0)).toEqual([]);
});

afterAll(async () => {
  await browser?.close();
  await hub?.kill9();
  await database?.drop();
});

async function online(): Promise<number> {
  return ((await (await fetch(`${hub.url}/api/v1/online`)).json()) as { count: number }).count;
}

async function comes(name: string, subject: string): Promise<Customer> {
  const customer = await Customer.open(hub.url, name, subject);
  customers.push(customer);
  return customer;
}

async function agent(name: string, options: BrowserContextOptions = {}): Promise<{ page: Page; context: BrowserContext }> {
  const context = await newPerson(browser, options);
  const page = await openTab(context, `${hub.url}/agent`, problems);
  await logInAsAgent(page, name);
  return { page, context };
}

const row = (page: Page, name: string) => page.getByRole('navigation').getByRole('button', { name });
const said = (page: Page) => page.locator('li[data-state="stored"]');

/** The workbench shows exactly so many unread of a customer. */
const unread = (page: Page, name: string, count: number) =>
  until(
    async () =>
      (
        await row(page, name)
          .getByLabel(/unread$/)
          .allTextContents()
      ).join() === (count === 0 ? '' : String(count)),
    {
      timeoutMs: PATIENCE_MS,
      describe: `${count} unread of ${name}`,
    },
  );

describe('the workbench', () => {
  it('[A6] lets agents in by name and password, keeps them in over a reload, and lets them go', async () => {
    const context = await newPerson(browser);
    const page = await openTab(context, `${hub.url}/agent`, problems);
    await page.getByLabel('Name', { exact: true }).fill('Max');
    await page.getByLabel('Password', { exact: true }).fill('wrong');
    await page.keyboard.press('Enter');
    await page.getByText('Name or password is wrong. Please try again.').waitFor();
    await screenshot(page, 'agent-login');
    expect(await seriousFaults(page)).toEqual([]);
    await page.getByLabel('Password', { exact: true }).fill(AGENT_PASSWORD);
    await page.keyboard.press('Enter');
    await atDesk(page);
    await page.getByText('You have no conversations.').waitFor();
    await page.reload();
    await atDesk(page);
    await page.locator('header').getByText('Max', { exact: true }).waitFor();
    const kept = await page.evaluate(() =>
      JSON.stringify({ ...localStorage, ...sessionStorage, cookie: document.cookie, at: location.href }),
    );
    expect(kept).not.toMatch(/eyJ/);
    await page.getByRole('button', { name: 'Log out' }).click();
    await page.getByLabel('Password', { exact: true }).waitFor();
    await page.reload();
    await page.getByLabel('Password', { exact: true }).waitFor();
  });

  it('[A4] [A6] is no way in for who uses the chat, and goes on beside it in the same browser', async () => {
    const context = await newPerson(browser);
    const chat = await openTab(context, hub.url, problems);
    await enterAsGuest(chat, 'Gil');
    const page = await openTab(context, `${hub.url}/agent`, problems);
    await logInAsAgent(page, 'Max');
    for (let n = 0; n < 2; n += 1) {
      await Promise.all([chat.reload(), page.reload()]);
      await Promise.all([connected(chat), atDesk(page)]);
    }
    await shows(chat, '#me', 'You are Gil, a guest');
    await page.locator('header').getByText('Max', { exact: true }).waitFor();
    await chat.getByRole('button', { name: 'Log out' }).click();
    await chat.getByLabel('Nickname').waitFor();
    await page.reload();
    await atDesk(page);
    await enterAsGuest(chat, 'Gus');
    await page.getByRole('button', { name: 'Log out' }).click();
    await page.getByLabel('Password', { exact: true }).waitFor();
    await chat.reload();
    await connected(chat);
    await shows(chat, '#me', 'You are Gus, a guest');
  });

  it('[A10] [M6] shows what is unread, in which conversation, over a reload too', async () => {
    const { page } = await agent('Max');
    const [ann, ben] = [await comes('Ann', 'A parcel'), await comes('Ben', 'A bill')];
    await ann.say('hello from Ann');
    await row(page, 'Ann').click();
    await said(page).getByText('hello from Ann').waitFor();
    await ben.say('one');
    await ben.say('two');
    await unread(page, 'Ben', 2);
    await unread(page, 'Ann', 0);
    await page.getByRole('button', { name: 'Give to' }).click();
    await page.getByRole('menuitem', { name: 'No colleague is online' }).waitFor();
    await screenshot(page, 'agent-unread');
    expect(await seriousFaults(page)).toEqual([]);
    await page.reload();
    await unread(page, 'Ben', 2);
    await unread(page, 'Ann', 0);
    await row(page, 'Ben').click();
    await said(page).getByText('two').waitFor();
    await unread(page, 'Ben', 0);
    await page.getByText('About the customer').click();
    await page.getByText('gold').waitFor();
    ben.leave();
    await page.getByLabel('Message', { exact: true }).fill('an answer');
    await page.keyboard.press('Enter');
    await said(page).getByText('an answer').waitFor();
    expect(await said(page).count()).toBe(3);
  });

  it('[A10] [M6] shows what was said last in a conversation that its customer ended while the agent was away, until it is read', async () => {
    const { page, context } = await agent('Max');
    const fay = await comes('Fay', 'A last word');
    await fay.say('hello');
    await row(page, 'Fay').click();
    await said(page).getByText('hello').waitFor();
    await page.goto('about:blank');
    await until(async () => (await online()) === 1, { timeoutMs: PATIENCE_MS, describe: 'Max is away' });
    await fay.say('it is here, thank you');
    await fay.end();
    const back = await openTab(context, `${hub.url}/agent`, problems);
    await atDesk(back);
    await back.getByRole('tab', { name: /Ended/ }).click();
    await unread(back, 'Fay', 1);
    await row(back, 'Fay').click();
    await said(back).getByText('it is here, thank you').waitFor();
    await unread(back, 'Fay', 0);
    // The history of the conversation comes after what waited.
    await said(back).getByText('hello').waitFor();
    expect(await said(back).count()).toBe(2);
    await back.reload();
    await back.getByRole('tab', { name: /Ended/ }).click();
    await row(back, 'Fay').click();
    await said(back).getByText('it is here, thank you').waitFor();
    await unread(back, 'Fay', 0);
  });

  it('[A10] one thread for each customer, who comes back: what was said before stands above a line, for both sides', async () => {
    const customer = await openTab(await newPerson(browser, { locale: 'en-GB' }), `${hub.url}/widget.html?channel=shop`, problems);
    await customer.getByLabel(/name/i).fill('Wim');
    await customer.keyboard.press('Enter');
    const write = async (text: string) => {
      await customer.getByLabel('Message', { exact: true }).fill(text);
      await customer.keyboard.press('Enter');
      await said(customer).getByText(text).waitFor();
    };
    await write('where is it?');
    await customer.getByRole('button', { name: 'End', exact: true }).press('Enter');
    await customer.getByRole('button', { name: 'End it' }).press('Enter');
    await customer.getByText('Write again').waitFor();
    await write('it came');
    const thread = ['where is it?', '---', 'it came'];
    await expect.poll(() => threadOf(customer)).toEqual(thread);
    await customer.getByText(/^Earlier conversation, ended \d+ \w+ \d{4}, \d\d:\d\d$/).waitFor();
    await customer.reload();
    await expect.poll(() => threadOf(customer)).toEqual(thread);
    const { page } = await agent('Zoe');
    await row(page, 'Wim').press('Enter');
    await expect.poll(() => threadOf(page)).toEqual(thread);
    const presence = page.getByRole('region', { name: 'Wim' }).getByRole('img', { name: 'The customer is' });
    await expect.poll(() => presence.getAttribute('aria-label')).toBe('The customer is online');
    await row(page, 'Wim').getByRole('img', { name: 'The customer is online' }).waitFor();
    await screenshot(page, 'agent-earlier');
    expect(await seriousFaults(page)).toEqual([]);
    await customer.close();
    await expect.poll(() => presence.getAttribute('aria-label')).toBe('The customer is away');
    await page.setViewportSize({ width: 360, height: 740 });
    await screenshot(page, 'agent-earlier-phone');
  });

  it('[A8] loads what is older on demand, and the place one reads stays', async () => {
    const { page } = await agent('Max');
    const cleo = await comes('Cleo', 'Everything');
    await row(page, 'Cleo').click();
    for (let n = 1; n <= 130; n++) await cleo.say(`line ${n}`);
    // What is read does not come by itself another time.
    await until(
      async () => {
        const [cursor] = await database.query('SELECT delivered FROM cursors WHERE room = $1 AND user_id <> $2', [cleo.room, cleo.id]);
        return Number(cursor?.['delivered']) === 130;
      },
      { timeoutMs: PATIENCE_MS, describe: 'all of it is known to be read' },
    );
    await page.reload();
    await row(page, 'Cleo').click();
    await said(page).getByText('line 130', { exact: true }).waitFor();
    expect(await said(page).count()).toBe(100);
    const place = async () => (await said(page).getByText('line 31', { exact: true }).boundingBox())?.y ?? 0;
    await page.getByRole('button', { name: 'Earlier messages' }).scrollIntoViewIfNeeded();
    const before = await place();
    await page.getByRole('button', { name: 'Earlier messages' }).click();
    await said(page).getByText('line 1', { exact: true }).waitFor({ state: 'attached' });
    expect(await said(page).count()).toBe(130);
    expect(await page.getByRole('button', { name: 'Earlier messages' }).count()).toBe(0);
    expect(Math.abs((await place()) - before)).toBeLessThan(60);
  });

  it('[A10] takes over what a colleague has; what is refused is told', async () => {
    const { page: max } = await agent('Max');
    const dan = await comes('Dan', 'Urgent');
    await dan.say('is anybody there?');
    await row(max, 'Dan').click();
    const { page: mia, context } = await agent('Mia');
    await mia.getByRole('tab', { name: /Colleagues/ }).click();
    await row(mia, 'Dan').click();
    await mia.getByText('Max agent has this conversation.').waitFor();
    await screenshot(mia, 'agent-elsewhere');
    await mia.getByRole('button', { name: 'Take over' }).click();
    await said(mia).getByText('is anybody there?').waitFor();
    await max.getByText('Mia agent has this conversation.').waitFor();
    await dan.say('thank you');
    await said(mia).getByText('thank you').waitFor();
    // Mia's page still offers Max, who has gone.
    const [gone] = await database.query("SELECT id, name FROM agents WHERE name = 'Max'");
    await context.route('**/api/v1/agents', (route) => route.fulfill({ json: { agents: [gone] } }));
    await max.getByRole('button', { name: 'Log out' }).click();
    await until(async () => (await online()) === 2, { timeoutMs: PATIENCE_MS, describe: 'Max has gone' });
    await mia.getByRole('button', { name: 'Give to' }).click();
    await mia.getByRole('menuitem', { name: 'Max' }).waitFor();
    expect(await seriousFaults(mia)).toEqual([]);
    await mia.getByRole('menuitem', { name: 'Max' }).click();
    await mia.getByText('This colleague is not online any more. Choose another one.').waitFor();
    expect(await mia.getByLabel('Message', { exact: true }).isVisible()).toBe(true);
  });

  it('counts in the title what waits, and while it is hidden tells of it: asked for by a press, never at load', async () => {
    const { page } = await agent('Max');
    await playNotifications(page);
    await page.reload();
    await atDesk(page);
    expect(await askedForNotifications(page)).toBe(0);
    await page.getByRole('button', { name: 'Notify me of new messages' }).click();
    await page.getByRole('button', { name: 'Notifications are on' }).waitFor();
    expect(await askedForNotifications(page)).toBe(1);
    const flo = await comes('Flo', 'A broken lamp');
    await row(page, 'Flo').waitFor();
    await flo.say('seen');
    await unread(page, 'Flo', 1);
    await expect.poll(() => page.title()).toBe('(1) Parley: agents');
    await hide(page, true);
    await flo.say('it <b>sparks</b>');
    await expect.poll(() => page.title()).toBe('(2) Parley: agents');
    await expect.poll(() => shownNotifications(page)).toMatchObject([{ title: '[customer] Flo', body: 'it <b>sparks</b>', tag: flo.room }]);
    // One that comes while nobody looks is told of too, before a word was said in it.
    const gus = await comes('Gus', 'A torn coat');
    await expect.poll(() => shownNotifications(page)).toMatchObject([{}, { title: '[customer] Gus', body: 'A torn coat', tag: gus.room }]);
    await hide(page, false);
    await clickNotification(page);
    await page.getByRole('heading', { name: 'Gus', exact: true }).waitFor();
    await row(page, 'Flo').click();
    await expect.poll(() => page.title()).toBe('Parley: agents');
    await flo.say('seen again');
    await said(page).getByText('seen again').waitFor();
    expect(await shownNotifications(page)).toHaveLength(2);
  });

  it('says that the connection is lost, counts down, and tries at once where it is told to', async () => {
    const context = await newPerson(browser);
    const lines: WebSocketRoute[] = [];
    let away = false;
    const page = await openTab(context, `${hub.url}/agent`, problems, (tab) =>
      tab.routeWebSocket(/\/ws\/chat/, (line) => {
        if (away) return void line.close({ code: 1013, reason: 'UNAVAILABLE' });
        lines.push(line);
        line.connectToServer();
      }),
    );
    await logInAsAgent(page, 'Max');
    away = true;
    await lines[0]?.close({ code: 1013, reason: 'UNAVAILABLE' });
    await page.locator('#banner[data-tone="warning"]').waitFor();
    await page.getByText(/The server cannot be reached\. Trying again in \d+ s\./).waitFor();
    await screenshot(page, 'agent-connection-lost');
    expect(await seriousFaults(page)).toEqual([]);
    away = false;
    // It may come back by itself before the click: that is as good.
    await page
      .getByRole('button', { name: 'Try now' })
      .click({ timeout: 1000 })
      .catch(() => undefined);
    await atDesk(page);
    await page.locator('#banner').waitFor({ state: 'detached' });
  });

  it('[A10][A16] shows all conversations, page by page, and my own wherever they stand', async () => {
    const { page } = await agent('Zoe');
    const eva = await comes('Eva', 'An old question');
    await row(page, 'Eva').waitFor();
    // All of them are newer than mine; their agent is not here for a moment.
    await database.query(
      `WITH made AS (
         INSERT INTO rooms (room, kind, title, owner, keep_history, created_at)
         SELECT 'conv:many' || n, 'conv', '', 'c' || n, true, n FROM generate_series($1::bigint + 1, $1::bigint + 201) n RETURNING room, created_at
       ) INSERT INTO conversations (room, subject, state, customer_id, customer_name, agent_id, agent_name, created_at)
         SELECT room, '', 'assigned', 'c' || created_at, 'Customer ' || created_at - $1::bigint, 'ghost', 'Ghost', created_at FROM made`,
      [Date.now() + 60_000],
    );
    await page.reload();
    await atDesk(page);
    await row(page, 'Eva').click();
    await eva.say('still there?');
    await said(page).getByText('still there?').waitFor();
    const tab = page.getByRole('tab', { name: /Colleagues/ });
    await tab.getByText('200+').waitFor();
    await tab.click();
    const rows = page.getByRole('navigation').locator('li');
    expect(await rows.count()).toBe(200);
    await page.getByRole('button', { name: 'More conversations' }).click();
    await tab.getByText('201', { exact: true }).waitFor();
    expect(await rows.count()).toBe(201);
    await rows.getByText('Customer 1', { exact: true }).waitFor();
    expect(await page.getByRole('button', { name: 'More conversations' }).count()).toBe(0);
    expect(await seriousFaults(page)).toEqual([]);
  });

  it('[A4] is told when the login is ended elsewhere', async () => {
    const { page, context } = await agent('Zoe');
    const tab = await context.newPage();
    await tab.goto(`${hub.url}/agent`);
    await atDesk(tab);
    await tab.getByRole('button', { name: 'Log out' }).click();
    await page.getByText('You were logged out. Please log in again.').waitFor();
  });

  it('works on a small screen, in the dark, in Chinese', async () => {
    const context = await newPerson(browser, {
      locale: 'zh-CN',
      colorScheme: 'dark',
      viewport: { width: 360, height: 640 },
      isMobile: true,
      hasTouch: true,
    });
    const page = await openTab(context, `${hub.url}/agent`, problems);
    await page.getByLabel('用户名').waitFor();
    await screenshot(page, 'agent-login-small-dark-zh');
    expect(await seriousFaults(page)).toEqual([]);
    await page.getByLabel('用户名').fill('Zoe');
    await page.getByLabel('密码', { exact: true }).fill(AGENT_PASSWORD);
    await page.keyboard.press('Enter');
    await atDesk(page);
    // One line, in longer words too: name, buttons and the way out have room beside each other.
    await page.getByRole('button', { name: 'English' }).click();
    await page.getByRole('button', { name: 'Log out' }).waitFor();
    expect((await page.locator('header').boundingBox())?.height).toBeLessThan(60);
    await page.getByRole('button', { name: '中文' }).click();
    const eva = await comes('W'.repeat(21), '一个很长的主题，看看它在很窄的屏幕上会不会被正确地截断而不是把页面撑宽');
    await eva.say('A-very-long-word-that-nobody-can-break-nicely-at-all-in-such-a-narrow-page https://example.org/');
    await row(page, 'WWW').getByLabel('1 条未读').waitFor();
    await screenshot(page, 'agent-list-small-dark-zh');
    expect(await page.evaluate(() => document.documentElement.scrollWidth > innerWidth)).toBe(false);
    await row(page, 'WWW').click();
    await said(page).getByText('A-very-long-word').waitFor();
    await screenshot(page, 'agent-conversation-small-dark-zh');
    // A long name does not push the tag out of its line.
    const line = said(page).first();
    const [tag, around] = await Promise.all([line.locator('[data-kind="customer"]').boundingBox(), line.boundingBox()]);
    expect((tag?.x ?? 0) + (tag?.width ?? 0)).toBeLessThan((around?.x ?? 0) + (around?.width ?? 0));
    expect(await seriousFaults(page)).toEqual([]);
    expect(await page.evaluate(() => document.documentElement.scrollWidth > innerWidth)).toBe(false);
    await page.getByRole('button', { name: '返回列表' }).click();
    await row(page, 'WWW').waitFor();
  });
});
