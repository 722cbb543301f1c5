/** Widget, workbench and single logins against a hub of several processes: customer and agent are on different gateways. */
import type { Browser, BrowserContext, FrameLocator, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { logInAsAgent } from '#test/support/agents.ts';
import { askForCode, connected, launchBrowser, newPerson, openTab, PATIENCE_MS, screenshot, shows } from '#test/support/browser.ts';
import { anotherTab, converses, nobodyOnline, say } from '#test/support/chat-page.ts';
import { ShopSite } from '#test/support/shop-site.ts';
import { until } from '#test/support/wait.ts';
import { WebCluster } from '#test/support/web-cluster.ts';

let browser: Browser;
let shop: ShopSite;
let cluster: WebCluster;
const problems: string[] = [];

beforeAll(async () => {
  [browser, shop] = await Promise.all([launchBrowser(), ShopSite.start()]);
  cluster = await WebCluster.start({ ALLOWED_ORIGINS: shop.origin, SESSIONS: 'single' });
  shop.embed(cluster.url);
  await cluster.addAgents('Max', 'Mia');
});

beforeEach(async ({ onTestFailed }) => {
  onTestFailed(() => cluster?.printLogs());
  await nobodyOnline(cluster.url);
});

afterEach(async () => {
  await Promise.all(browser.contexts().map((context) => context.close()));
  expect(problems.splice(0)).toEqual([]);
});

afterAll(async () => {
  await browser?.close();
  await Promise.all([cluster?.stop(), shop?.stop()]);
});

/** A customer in the shop says who they are, and something. */
async function customer(name: string, text: string): Promise<{ page: Page; widget: FrameLocator }> {
  const page = await openTab(await newPerson(browser), shop.origin, problems);
  await page.locator('parley-widget button').first().click();
  const widget = page.frameLocator('parley-widget iframe');
  await widget.getByLabel('Your name').fill(name);
  await widget.getByLabel('Your name').press('Enter');
  await write(widget, text);
  return { page, widget };
}

const box = (place: FrameLocator | Page) => place.getByRole('textbox', { name: 'Message', exact: true });
const said = (place: FrameLocator | Page, text: string) => place.locator('li[data-state="stored"]').getByText(text, { exact: true });

async function write(place: FrameLocator | Page, text: string): Promise<void> {
  await box(place).fill(text);
  await box(place).press('Enter');
  await said(place, text).waitFor();
}

async function agent(name: string): Promise<Page> {
  const page = await openTab(await newPerson(browser), `${cluster.url}/agent`, problems);
  await logInAsAgent(page, name);
  return page;
}

/** Somebody goes on typing, for the hub tells of it once a second at most, until it is seen. */
const seenTyping = (who: FrameLocator | Page, by: FrameLocator | Page, words: string): Promise<unknown> =>
  until(
    async () => {
      await box(who).press('y');
      return by.getByText(words).first().isVisible();
    },
    { timeoutMs: PATIENCE_MS, describe: words },
  );

/** Logs in by the code that is mailed; an address that is new takes this name. */
async function logIn(person: BrowserContext, address: string, name?: string): Promise<Page> {
  const page = await openTab(person, cluster.url, problems);
  await askForCode(page, address);
  await page.getByLabel('Code', { exact: true }).fill((await cluster.mail.next(address, PATIENCE_MS)).code);
  await page.keyboard.press('Enter');
  if (name !== undefined) {
    await page.getByLabel('Your name', { exact: true }).fill(name);
    await page.keyboard.press('Enter');
  }
  await connected(page);
  return page;
}

describe('customer and agents, on two gateways', () => {
  it('[A5] [A10] the customer waits, is answered, handed on to a colleague, and the conversation is ended', async () => {
    const { page, widget } = await customer('Zoe', 'Where is my parcel?');
    await widget.getByText('Nobody is free right now.').waitFor();
    await screenshot(page, 'cluster-widget-queued');
    const max = await agent('Max');
    await cluster.spread(1, 1);
    await widget.getByText('You are talking to Max agent.').waitFor();
    const entry = (where: Page) => where.getByRole('navigation').getByRole('button', { name: 'Zoe' });
    await entry(max).click();
    await said(max, 'Where is my parcel?').waitFor();
    await seenTyping(widget, max, 'Zoe customer is typing');
    await screenshot(max, 'cluster-agent');
    await write(max, 'On its way.');
    await said(widget, 'On its way.').waitFor();
    await seenTyping(max, widget, 'Max agent is typing');
    await screenshot(page, 'cluster-widget-answered');

    const mia = await agent('Mia');
    // She gives it back as soon as she has it: one of the two is on the customer's gateway, the other is not.
    for (const [from, to, name] of [
      [max, mia, 'Mia'],
      [mia, max, 'Max'],
    ] as const) {
      await from.getByRole('button', { name: 'Give to' }).click();
      await from.getByRole('menuitem', { name }).click();
      await widget.getByText(`You are talking to ${name} agent.`).waitFor();
      await from.getByText(`${name} agent has this conversation.`).waitFor();
      await entry(to).click();
      await said(to, 'On its way.').waitFor();
      await write(to, `${name} here`);
      await said(widget, `${name} here`).waitFor();
      await screenshot(to, `cluster-agent-transfer-${name}`);
    }
    // After a reload, on the other gateway, it is all there, once.
    await page.reload();
    await widget.getByText('You are talking to Max agent.').waitFor();
    await said(widget, 'Max here').waitFor();
    for (const text of ['Where is my parcel?', 'On its way.', 'Mia here', 'Max here'])
      expect(await said(widget, text).count(), text).toBe(1);
    await max.getByRole('button', { name: 'End', exact: true }).click();
    await max.getByRole('button', { name: 'End it' }).click();
    await widget.getByText('This conversation has ended. Write again').waitFor();
    await max.getByText('This conversation has ended.').waitFor();
    await screenshot(page, 'cluster-widget-ended');
  });
});

describe('a login elsewhere, where there may be one only', () => {
  it('[R4] ends the first on the other gateway, which says so and stays away; tabs of one login stay', async () => {
    const [here, there] = [await newPerson(browser), await newPerson(browser)];
    const first = await logIn(here, 'one@corp.test', 'One');
    const second = await logIn(there, 'one@corp.test');
    await first.locator('[data-state="closed"]').waitFor();
    await shows(first, '#banner-text', 'You logged in somewhere else.');
    await screenshot(first, 'cluster-elsewhere');
    const tab = await anotherTab(there, { browser, url: cluster.url, problems });
    await cluster.spread(1, 1);
    await say(second, 'here now');
    await say(tab, 'and here');
    for (const page of [second, tab]) await converses(page, ['here now', 'and here']);
    await first.getByRole('button', { name: 'Start over' }).click();
    await first.getByLabel('Email address, or your name').waitFor();
    for (const page of [second, tab]) expect(await page.locator('#banner').count()).toBe(0);
  });
});
