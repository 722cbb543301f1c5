import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser, BrowserContext, BrowserContextOptions, Frame, FrameLocator, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it, onTestFinished } from 'vitest';

import { addAgents, logInAsAgent } from '#test/support/agents.ts';
import { AllInOne } from '#test/support/all-in-one.ts';
import { seriousFaults } from '#test/support/axe.ts';
import { launchEveryday, launchPrivate, newPerson, openTab, PATIENCE_MS, screenshot, threadOf } from '#test/support/browser.ts';
import { freePort } from '#test/support/free-port.ts';
import { PostgresDatabase } from '#test/support/postgres.ts';
import { ShopSite } from '#test/support/shop-site.ts';
import { TcpProxy } from '#test/support/tcp-proxy.ts';
import { until } from '#test/support/wait.ts';

let browser: Browser;
let hub: AllInOne;
let database: PostgresDatabase;
let shop: ShopSite;
let stranger: ShopSite;
/** From the hub to its database. */
let wire: TcpProxy;
let settings: Readonly<Record<string, string>>;
const problems: string[] = [];

beforeAll(async () => {
  [database, shop, stranger, browser] = await Promise.all([PostgresDatabase.create(), ShopSite.start(), ShopSite.start(), launchPrivate()]);
  const url = new URL(database.url);
  wire = await TcpProxy.start({ target: Number(url.port) });
  url.port = String(wire.port);
  settings = { PORT: String(await freePort()), DATABASE_URL: url.href, ALLOWED_ORIGINS: shop.origin };
  hub = await AllInOne.start(settings);
  for (const site of [shop, stranger]) site.embed(hub.url);
  await addAgents(database.url, 'Max', 'Mia');
});

afterEach(async () => {
  await Promise.all(browser.contexts().map((context) => context.close()));
  await until(async () => (await online()) === 0, { timeoutMs: PATIENCE_MS, describe: 'everybody has gone' });
  await database.query("UPDATE conversations SET state = 'closed'");
  shop.embed(hub.url);
  expect(problems.splice(0)).toEqual([]);
});

afterAll(async () => {
  await browser?.close();
  await hub?.kill9();
  await wire?.stop();
  await Promise.all([shop?.stop(), stranger?.stop(), database?.drop()]);
});

async function online(): Promise<number> {
  return ((await (await fetch(`${hub.url}/api/v1/online`)).json()) as { count: number }).count;
}

const widgetOf = (page: Page): FrameLocator => page.frameLocator('parley-widget iframe');
const opener = (page: Page) => page.locator('parley-widget > button, parley-widget button').first();
const box = (widget: FrameLocator) => widget.getByRole('textbox', { name: /^(Message|消息)$/ });
const line = (widget: FrameLocator, text: string) => widget.locator('[data-state="stored"]').getByText(text, { exact: true });

/** A customer in the shop, with the widget open. */
async function visit(context: BrowserContext): Promise<{ page: Page; widget: FrameLocator }> {
  const page = await openTab(context, shop.origin, problems);
  await opener(page).click();
  const widget = widgetOf(page);
  await widget.getByLabel(/Your name|您的称呼/).waitFor();
  return { page, widget };
}

async function introduce(widget: FrameLocator, name: string): Promise<void> {
  await widget.getByLabel(/Your name|您的称呼/).fill(name);
  await widget.getByLabel(/Your name|您的称呼/).press('Enter');
  await box(widget).waitFor();
}

async function write(widget: FrameLocator, text: string): Promise<void> {
  await box(widget).fill(text);
  await box(widget).press('Enter');
  await line(widget, text).waitFor();
}

async function agent(name: string, options: BrowserContextOptions = {}): Promise<Page> {
  const page = await openTab(await newPerson(browser, options), `${hub.url}/agent`, problems);
  await logInAsAgent(page, name);
  return page;
}

/** An agent's page shows the conversation of a customer. */
async function openConversation(page: Page, customer: string): Promise<void> {
  await page.getByRole('navigation').getByRole('button', { name: customer }).click();
  await page.getByRole('heading', { name: customer }).waitFor();
}

async function answer(page: Page, text: string): Promise<void> {
  await page.getByLabel('Message', { exact: true }).fill(text);
  await page.keyboard.press('Enter');
  await page.locator('[data-state="stored"]').getByText(text, { exact: true }).waitFor();
}

describe('the widget in a page of another site', () => {
  it('[A5] [A10] waits for an agent, is answered, and finds the customer and the conversation again after a reload', async () => {
    const customer = await newPerson(browser);
    const { page, widget } = await visit(customer);
    await screenshot(page, 'widget-form');
    await widget.locator('#name:focus').waitFor();
    expect(await seriousFaults(page)).toEqual([]);
    await introduce(widget, 'Zoe');
    await write(widget, 'Where is my parcel?\nIt is late.');
    await widget.getByText('Nobody is free right now.').waitFor();
    await screenshot(page, 'widget-queued');
    const top = async () => (await widget.locator('[data-messages]').boundingBox())?.y;
    const queuedTop = await top();

    // Who is offline when a conversation is opened gets it when they come.
    const max = await agent('Max');
    await widget.getByText('You are talking to Max agent.').waitFor();
    // A shorter line above the messages does not move them.
    expect(await top()).toBe(queuedTop);
    await openConversation(max, 'Zoe');
    await max.getByText('Where is my parcel? It is late.').first().waitFor();
    await max.getByText('About the customer').click();
    await max.getByText(`${shop.origin}/`).waitFor();
    await box(widget).pressSequentially('And');
    await max.getByText('Zoe customer is typing').first().waitFor();
    await screenshot(max, 'agent-conversation');
    await answer(max, 'On its way: https://example.org/track?id=1.');
    await line(widget, 'On its way:').or(widget.getByText('On its way:')).first().waitFor();
    // The hub is told once a second at most: who goes on typing is seen to.
    await until(
      async () => {
        await max.getByLabel('Message', { exact: true }).press('y');
        return widget.getByText('Max agent is typing').isVisible();
      },
      { timeoutMs: PATIENCE_MS, describe: 'the customer sees the agent type' },
    );
    await screenshot(page, 'widget-answered');
    expect(await seriousFaults(page)).toEqual([]);
    expect(await seriousFaults(max)).toEqual([]);
    const link = widget.getByRole('link', { name: 'https://example.org/track?id=1' });
    expect(await link.getAttribute('rel')).toContain('noopener');
    expect(await link.getAttribute('href')).toBe('https://example.org/track?id=1');

    await page.reload();
    // The panel was open: it is again, nobody is asked their name, and nobody is taken away from what they do on the page.
    await widget.getByText('You are talking to Max agent.').waitFor();
    expect(await page.evaluate(() => document.activeElement?.tagName)).toBe('BODY');
    await widget.locator('[data-state="stored"]').getByText('On its way:').waitFor();
    expect(await widget.locator('[data-mine]').count()).toBe(1);
    const customers = await database.query("SELECT count(*)::int AS n FROM customers WHERE name = 'Zoe'");
    expect(customers[0]?.['n']).toBe(1);

    // Its cookie is out of reach of scripts, in this site's part of the jar, and nothing of it is anywhere else.
    const cookies = await customer.cookies(`${hub.url}/api/v1/`);
    expect(cookies.toSorted((one, other) => one.name.length - other.name.length)).toMatchObject([
      { name: 'parley_visitor', httpOnly: true, secure: true, sameSite: 'None', partitionKey: 'http://localhost' },
      { name: 'parley_customer', httpOnly: true, secure: true, sameSite: 'None', partitionKey: 'http://localhost' },
      { name: 'parley_customer_in', value: '1', httpOnly: false, partitionKey: 'http://localhost' },
    ]);
    const readable = await page.evaluate(() => JSON.stringify({ ...localStorage, ...sessionStorage, cookie: document.cookie }));
    expect(readable).toContain('parley.kept.shop');
    for (const { value, httpOnly } of cookies) if (httpOnly) expect(readable).not.toContain(value);
    // A token, not any letters that a random name may have.
    expect(readable).not.toMatch(/eyJ[\w-]+\.[\w-]+\./);
  });

  it('[M6] shows what came while the page was closed, and how much of it is new', async () => {
    const customer = await newPerson(browser);
    const max = await agent('Max');
    const { page, widget } = await visit(customer);
    await introduce(widget, 'Yan');
    await write(widget, 'hello?');
    await widget.getByText('You are talking to Max agent.').waitFor();
    await page.close();
    await openConversation(max, 'Yan');
    await answer(max, 'here I am');
    await answer(max, 'are you still there?');

    const back = await openTab(customer, shop.origin, problems);
    await back.getByRole('button', { name: 'Chat with us (2)' }).waitFor();
    await screenshot(back, 'widget-unread');
    await opener(back).click();
    const again = widgetOf(back);
    await line(again, 'are you still there?').waitFor();
    await again.locator('textarea:focus').waitFor();
    expect(await again.locator('[data-state="stored"]').count()).toBe(3);
    await back.getByRole('button', { name: 'Chat with us', exact: true }).waitFor();
    // Put away, what comes is counted again; Escape in the widget puts it away.
    await box(again).press('Escape');
    await box(again).waitFor({ state: 'hidden' });
    expect(await back.evaluate(() => document.activeElement?.tagName)).toBe('PARLEY-WIDGET');
    await answer(max, 'one more');
    await back.getByRole('button', { name: 'Chat with us (1)' }).waitFor();
  });

  it('[A10] follows when the conversation is handed on and ended; who writes again begins a new one', async () => {
    const max = await agent('Max');
    const { page, widget } = await visit(await newPerson(browser));
    await introduce(widget, '<img src=x onerror=alert(1)>'.slice(0, 21));
    await write(widget, '<script>alert(1)</script> javascript:alert(1) "><svg onload=alert(1)>');
    await widget.getByText('You are talking to Max agent.').waitFor();
    const mia = await agent('Mia');
    await openConversation(max, '<img src=x onerror=al');
    await max.getByRole('button', { name: 'Give to' }).click();
    await screenshot(max, 'agent-transfer');
    await max.getByRole('menuitem', { name: 'Mia' }).click();
    await widget.getByText('You are talking to Mia agent.').waitFor();
    await max.getByText('Mia agent has this conversation.').waitFor();
    // The longest name is cut. Its tag is not.
    const row = mia.getByRole('navigation').getByRole('button', { name: '<img src=x onerror=al' });
    const edges = await row.locator('bdi, [data-kind], time').evaluateAll((all) => all.map((one) => one.getBoundingClientRect()));
    const [called, tag, at] = edges;
    expect(called?.width).toBeGreaterThan(50);
    expect(tag?.right).toBeLessThanOrEqual(at?.left ?? 0);
    await openConversation(mia, '<img src=x onerror=al');
    await mia.getByText('<script>alert(1)</script>').last().waitFor();
    expect(await mia.getByRole('link').count()).toBe(0);
    await answer(mia, 'good bye');
    await mia.getByRole('button', { name: 'End', exact: true }).click();
    await screenshot(mia, 'agent-close');
    await mia.getByRole('button', { name: 'End it' }).click();
    await widget.getByText('This conversation has ended. Write again').waitFor();
    await mia.getByText('This conversation has ended.').waitFor();
    await screenshot(page, 'widget-ended');

    await write(widget, 'one more question');
    await widget.getByText(/You are talking to (Max|Mia) agent\./).waitFor();
    // The question moves nothing, and the focus is never lost.
    const place = () => widget.locator('[data-messages]').boundingBox();
    const before = await place();
    const end = widget.getByRole('button', { name: 'End', exact: true });
    await end.press('Enter');
    expect(await place()).toEqual(before);
    await widget.getByRole('button', { name: 'Go on' }).press('Enter');
    await widget.locator('header button:focus', { hasText: 'End' }).waitFor();
    await end.press('Enter');
    await widget.getByRole('button', { name: 'End it' }).press('Enter');
    await widget.getByText('This conversation has ended. Write again').waitFor();
    await widget.locator('[data-messages]:focus').waitFor();
    await page.reload();
    await widget.getByText('This conversation has ended. Write again').waitFor();
    await line(widget, 'one more question').waitFor();
    expect((await database.query("SELECT 1 FROM conversations WHERE state = 'closed' AND customer_name LIKE '<img%'")).length).toBe(2);
  });

  it('[A10] [M6] shows the last words of a conversation that was ended while the customer was away; the agent reads it on', async () => {
    const customer = await newPerson(browser);
    const max = await agent('Max');
    const { page, widget } = await visit(customer);
    await introduce(widget, 'Wim');
    await write(widget, 'where is it?');
    await widget.getByText('You are talking to Max agent.').waitFor();
    await page.close();
    await openConversation(max, 'Wim');
    await answer(max, 'it comes today');
    await answer(max, 'good bye');
    await max.getByRole('button', { name: 'End', exact: true }).click();
    await max.getByRole('button', { name: 'End it' }).click();
    await max.getByText('This conversation has ended.').waitFor();

    const back = await openTab(customer, shop.origin, problems);
    await back.getByRole('button', { name: 'Chat with us (2)' }).waitFor();
    await opener(back).click();
    const again = widgetOf(back);
    await again.getByText('This conversation has ended. Write again').waitFor();
    for (const text of ['where is it?', 'it comes today', 'good bye']) await line(again, text).waitFor();
    await screenshot(back, 'widget-ended-away');
    // What was seen is known to be: it is not new another time.
    await until(
      async () => {
        const [cursor] = await database.query(
          'SELECT c.delivered FROM cursors c JOIN conversations v USING (room) WHERE c.user_id = v.customer_id AND v.customer_name = $1',
          ['Wim'],
        );
        return Number(cursor?.['delivered']) === 3;
      },
      { timeoutMs: PATIENCE_MS, describe: 'all of it is known to be read' },
    );
    await back.reload();
    await back.getByRole('button', { name: 'Chat with us', exact: true }).waitFor({ state: 'attached' });
    await line(again, 'good bye').waitFor();
    await write(again, 'thank you');
    await again.getByText('You are talking to Max agent.').waitFor();
    // The messages of the ended conversation stand above a line.
    await expect.poll(() => threadOf(again)).toEqual(['where is it?', 'it comes today', 'good bye', '---', 'thank you']);
    await screenshot(back, 'widget-earlier');

    await max.reload();
    await max.getByRole('tab', { name: /Ended/ }).click();
    await openConversation(max, 'Wim');
    await max.locator('[data-state="stored"]').getByText('where is it?').waitFor();
    await max.getByText('This conversation has ended.').waitFor();
    expect(await max.locator('li[data-state="stored"]').count()).toBe(3);
    expect(await max.getByLabel('Message', { exact: true }).count()).toBe(0);
    await screenshot(max, 'agent-ended');
    expect(await seriousFaults(max)).toEqual([]);
  });

  it('[A5] is the same customer after reloads that cut off a renewal, and where frames may keep things themselves', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'parley-browser-'));
    onTestFinished(() => rm(folder, { recursive: true, force: true }));
    // No private window: its frames have storage and locks, of this site's own.
    const everyday = await launchEveryday(folder);
    for (const customer of [await newPerson(browser), everyday]) {
      const { page, widget } = await visit(customer);
      await introduce(widget, 'Uli');
      await write(widget, 'hello');
      const id = async () => (await database.query("SELECT count(*)::int AS n FROM customers WHERE name = 'Uli'"))[0]?.['n'];
      const before = await id();
      const asked = customer.waitForEvent('request', (request) => request.url().endsWith('/customers/token'));
      wire.cut();
      await page.reload();
      await asked;
      await page.reload();
      wire.heal();
      await line(widget, 'hello').waitFor();
      expect(await id()).toBe(before);
      const frame = page.frames()[1];
      const own = await frame?.evaluate(() => localStorage.getItem('parley.customer.shop')).catch(() => 'forbidden');
      expect(own).toMatch(customer === everyday ? /"room":"conv:/ : /forbidden/);
      await customer.close();
    }
  });

  it('[A5] is the same customer on each page where the frame keeps no cookie; nobody else can read the secret', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'parley-browser-'));
    onTestFinished(() => rm(folder, { recursive: true, force: true }));
    // Over plain http, not on the machine itself: a frame of another site has no cookie there.
    const customer = await launchEveryday(folder, '--host-resolver-rules=MAP hub.example 127.0.0.1');
    const address = hub.url.replace('127.0.0.1', 'hub.example');
    shop.embed(address);
    const { page, widget } = await visit(customer);
    await introduce(widget, 'Tess');
    await write(widget, 'hello');
    await page.reload();
    await line(widget, 'hello').waitFor();
    const other = await openTab(customer, `${shop.origin}/cart`, problems);
    await opener(other).click();
    await line(widgetOf(other), 'hello').waitFor();
    await write(widgetOf(other), 'from the cart');
    await line(widget, 'from the cart').waitFor();
    expect(await database.query("SELECT count(*)::int AS n FROM customers WHERE name = 'Tess'")).toEqual([{ n: 1 }]);
    expect(await customer.cookies(`${address}/api/v1/`)).toEqual([]);
    const secretIn = (frame: Frame) => frame.evaluate(() => localStorage.getItem('parley.secret.shop'));
    const secret = await secretIn(other.frames()[1] ?? other.mainFrame());
    expect(secret?.length).toBeGreaterThan(20);
    expect(await other.evaluate(() => JSON.stringify({ ...localStorage, ...sessionStorage }))).not.toContain(secret);
    // Not even the hub's own page outside of the shop has it.
    const own = await openTab(customer, `${address}/widget.html?channel=shop`, problems);
    expect(await secretIn(own.mainFrame())).toBeNull();
    await customer.close();
  });

  it('[A5] [A10] [A15] is one customer and one conversation in two tabs that begin at once, also where frames may keep nothing', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'parley-browser-'));
    onTestFinished(() => rm(folder, { recursive: true, force: true }));
    for (const [name, customer] of [
      ['Pat', await newPerson(browser)],
      ['Quin', await launchEveryday(folder)],
    ] as const) {
      const tabs = [(await visit(customer)).widget, (await visit(customer)).widget];
      for (const tab of tabs) await tab.getByLabel('Your name').fill(name);
      await Promise.all(tabs.map((tab) => tab.getByLabel('Your name').press('Enter')));
      await Promise.all(tabs.map((tab) => box(tab).waitFor()));
      await Promise.all(tabs.map((tab, at) => write(tab, `line ${at}`)));
      for (const tab of tabs) for (const text of ['line 0', 'line 1']) await line(tab, text).waitFor();
      expect(await database.query('SELECT count(*)::int AS n FROM customers WHERE name = $1', [name])).toEqual([{ n: 1 }]);
      expect(await database.query('SELECT count(*)::int AS n FROM conversations WHERE customer_name = $1', [name])).toEqual([{ n: 1 }]);
      await customer.close();
    }
  });

  it('[A5] [A10] [A15] is one customer and one conversation where the answers to what made them were lost', async () => {
    const customer = await newPerson(browser);
    const lost: string[] = [];
    for (const made of ['customers', 'conversations']) {
      let first = true;
      // The hub does it, and the browser hears nothing of that.
      await customer.route(`${hub.url}/api/v1/${made}`, async (route) => {
        const request = route.request();
        if (!first || request.method() !== 'POST') return route.fallback();
        first = false;
        const { authorization = '', 'idempotency-key': key = '' } = await request.allHeaders();
        const answer = await fetch(request.url(), {
          method: 'POST',
          headers: {
            'content-type': 'application/json',
            ...(key === '' ? {} : { 'idempotency-key': key }),
            ...(authorization === '' ? {} : { authorization }),
          },
          body: request.postData(),
        });
        lost.push(`${made} ${answer.status}`);
        return route.abort('connectionreset');
      });
    }
    const { page, widget } = await visit(customer);
    await widget.getByLabel('Your name').fill('Uma');
    await widget.getByLabel('Your name').press('Enter');
    await widget.getByRole('alert').filter({ hasText: /\S/ }).waitFor();
    // It can be pressed once the first try is over.
    await widget.locator('button[type="submit"]').click();
    await box(widget).fill('one question');
    await box(widget).press('Enter');
    await widget.getByRole('button', { name: 'Try again' }).click();
    await line(widget, 'one question').waitFor();
    expect(lost).toEqual(['customers 201', 'conversations 201']);
    expect(await database.query("SELECT count(*)::int AS n FROM customers WHERE name = 'Uma'")).toEqual([{ n: 1 }]);
    expect(await database.query("SELECT count(*)::int AS n FROM conversations WHERE customer_name = 'Uma'")).toEqual([{ n: 1 }]);
    await page.reload();
    await line(widget, 'one question').waitFor();
  });

  it('[A5] follows in a tab that still asks the name when another tab comes in, where frames may keep nothing', async () => {
    const customer = await newPerson(browser);
    const [one, two] = [(await visit(customer)).widget, (await visit(customer)).widget];
    await introduce(one, 'Rae');
    await box(two).waitFor();
    await write(one, 'from the first');
    await line(two, 'from the first').waitFor();
    await write(two, 'from the second');
    await line(one, 'from the second').waitFor();
    expect(await database.query("SELECT count(*)::int AS n FROM customers WHERE name = 'Rae'")).toEqual([{ n: 1 }]);
  });

  it('[R5] goes on where the line broke, and sends once what was written meanwhile', async () => {
    const customer = await newPerson(browser);
    const max = await agent('Max');
    const { page, widget } = await visit(customer);
    await introduce(widget, 'Xia');
    await write(widget, 'first');
    await openConversation(max, 'Xia');
    await customer.setOffline(true);
    await widget.getByText('You are offline.').waitFor();
    await box(widget).fill('written while away');
    await box(widget).press('Enter');
    await widget.locator('[data-state="pending"]').waitFor();
    await screenshot(page, 'widget-offline');
    await answer(max, 'said meanwhile');
    await customer.setOffline(false);
    await line(widget, 'written while away').waitFor();
    await line(widget, 'said meanwhile').waitFor();
    await max.locator('[data-state="stored"]').getByText('written while away').waitFor();
    expect(await widget.locator('li[data-state]').filter({ hasText: 'written while away' }).count()).toBe(1);
  });

  it('[M2] outlives the hub: what was written meanwhile is sent once when it is back', async () => {
    const max = await agent('Max');
    const { page, widget } = await visit(await newPerson(browser));
    await introduce(widget, 'Vera');
    await write(widget, 'before');
    await openConversation(max, 'Vera');
    await answer(max, 'I hear you');
    await hub.kill9();
    await widget.getByText('Connection lost.').waitFor();
    await max.locator('#banner[data-tone="warning"]').waitFor();
    await screenshot(page, 'widget-reconnecting');
    await box(widget).fill('are you there?');
    await box(widget).press('Enter');
    await widget.locator('li[data-state="pending"]').waitFor();
    await max.getByLabel('Message', { exact: true }).fill('one moment');
    await max.keyboard.press('Enter');
    hub = await AllInOne.start(settings);
    const all = ['before', 'I hear you', 'are you there?', 'one moment'];
    for (const lines of [widget.locator('li[data-state="stored"]'), max.locator('li[data-state="stored"]')]) {
      await until(async () => (await lines.count()) === all.length, { timeoutMs: PATIENCE_MS, describe: 'both sides have all of it' });
      for (const text of all) expect(await lines.getByText(text, { exact: true }).count(), text).toBe(1);
    }
    await widget.getByText('You are talking to Max agent.').waitFor();
    expect(await widget.locator('[data-gap]').count()).toBe(0);
  });

  it('cannot be embedded by a site that is not named; its script is small', async () => {
    const page = await (await newPerson(browser)).newPage();
    const complaints: string[] = [];
    page.on('console', (message) => complaints.push(message.text()));
    await page.goto(stranger.origin);
    await opener(page).click();
    await until(() => complaints.some((text) => text.includes('frame-ancestors')), {
      describe: () => `the browser refuses: ${complaints.join()}`,
    });
    // Nothing broken is ever in view, and one line says what to set.
    expect(await page.locator('parley-widget iframe').isVisible()).toBe(false);
    await page.locator('parley-widget').waitFor({ state: 'detached' });
    const advice = complaints.filter((text) => text.startsWith('Parley:'));
    expect(advice).toEqual([expect.stringMatching(/ALLOWED_ORIGINS/)]);
    expect(advice[0]).toContain(stranger.origin);
    for (const path of ['/', '/agent']) {
      const { headers } = await fetch(hub.url + path);
      expect(headers.get('content-security-policy'), path).toContain("frame-ancestors 'none'");
    }
    const script = await fetch(`${hub.url}/widget.js`, { headers: { 'accept-encoding': 'gzip' } });
    expect(Number(script.headers.get('content-length'))).toBeLessThan(2048);
    expect(script.headers.get('cross-origin-resource-policy')).toBe('cross-origin');
  });

  it('is not there in a browser that is too old, and one line says so', async () => {
    const page = await (await newPerson(browser)).newPage();
    const complaints: string[] = [];
    page.on('console', (message) => complaints.push(message.text()));
    await page.addInitScript(() => {
      CSS.supports = (name: string, value = '') => !`${name}${value}`.includes('lch(');
    });
    await page.goto(shop.origin);
    await expect.poll(() => complaints).toEqual(['Parley: this browser is too old.']);
    expect(await page.locator('parley-widget').count()).toBe(0);
  });

  it('loads less than 100 KB of script', async () => {
    const page = await openTab(await newPerson(browser), `${hub.url}/widget.html?channel=shop`, problems);
    await page.getByLabel('Your name').waitFor();
    const scripts = await page.evaluate(() =>
      (performance.getEntriesByType('resource') as PerformanceResourceTiming[])
        .filter(({ name }) => name.endsWith('.js'))
        .map(({ name, encodedBodySize }) => ({ name, bytes: encodedBodySize })),
    );
    const total = scripts.reduce((sum, { bytes }) => sum + bytes, 0);
    expect(total, JSON.stringify(scripts)).toBeGreaterThan(10_000);
    expect(total, JSON.stringify(scripts)).toBeLessThan(100_000);
  });

  it('speaks Chinese, is dark where the system is, and fits a small telephone', async () => {
    const options: BrowserContextOptions = {
      locale: 'zh-CN',
      colorScheme: 'dark',
      viewport: { width: 360, height: 640 },
      isMobile: true,
      hasTouch: true,
    };
    shop.embed(hub.url, 'data-channel="shop" data-lang="zh-CN"');
    const { page, widget } = await visit(await newPerson(browser, options));
    await screenshot(page, 'widget-small-form-dark-zh');
    await introduce(widget, '小明');
    await write(widget, '你好，我的包裹在哪里？');
    await widget.getByText('现在没有空闲的客服').waitFor();
    await write(widget, 'A-very-long-word-that-nobody-can-break-nicely-at-all-in-such-a-narrow-page');
    await screenshot(page, 'widget-small-dark-zh');
    expect(await seriousFaults(page)).toEqual([]);
    const frame = page.frames()[1];
    expect(await frame?.evaluate(() => document.documentElement.scrollWidth > innerWidth)).toBe(false);
    expect(await frame?.evaluate(() => [document.documentElement.lang, document.title])).toEqual(['zh-Hans', '联系我们']);
    await widget.getByRole('button', { name: '关闭聊天' }).click();
    await page.getByRole('button', { name: '联系我们' }).waitFor();
    await screenshot(page, 'widget-small-shut');
  });
});
