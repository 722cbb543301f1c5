import type { BrowserContext, Page, Route } from 'playwright-core';
import { beforeAll, describe, expect, it } from 'vitest';

import { BROWSERS } from '#libs/client/browsers.ts';
import { addAgents, logInAsAgent } from '#test/support/agents.ts';
import { seriousFaults } from '#test/support/axe.ts';
import { connected, enterAsGuest, newPerson, openTab, PATIENCE_MS, screenshot } from '#test/support/browser.ts';
import { line, say } from '#test/support/chat-page.ts';
import { fillStorage, forbidStorage, loseNewFunctions } from '#test/support/old-browser.ts';
import { until } from '#test/support/wait.ts';
import { WebStage } from '#test/support/web-stage.ts';

const stage = WebStage.forFile();
const { problems } = stage;

beforeAll(() => addAgents(stage.database.url, 'Max'));

/** Walks through the chat, the workbench, the widget and the admin page with what each needs most. */
async function walk(person: BrowserContext): Promise<void> {
  const chat = await openTab(person, stage.hub.chatLink, problems);
  await enterAsGuest(chat, 'Ada');
  await say(chat, 'see https://example.org/ and http://[');
  await line(chat, 'see https://example.org/ and http://[').last().getByRole('link', { name: 'https://example.org/' }).waitFor();
  await chat.getByRole('button', { name: '中文' }).click();
  await chat.getByRole('button', { name: 'English' }).click();
  const agent = await openTab(person, `${stage.hub.url}/agent`, problems);
  await logInAsAgent(agent, 'Max');
  const widget = await openTab(person, `${stage.hub.url}/widget.html?lang=en&channel=shop`, problems);
  await widget.getByLabel('Your name').fill('Zoe');
  await widget.keyboard.press('Enter');
  await widget.getByRole('textbox', { name: 'Message' }).fill('hello');
  await widget.keyboard.press('Enter');
  await widget.locator('[data-state="stored"]').getByText('hello', { exact: true }).waitFor();
  const admin = await openTab(person, stage.hub.links.get('admin') ?? '', problems);
  await admin.locator('[data-tile="online"] dd').waitFor();
}

describe('a supported browser', () => {
  it('without any function that the oldest of them lack runs every page', async () => {
    const person = await newPerson(stage.browser);
    await person.addInitScript(loseNewFunctions);
    await walk(person);
  });

  it('that forbids storage and locks runs every page', async () => {
    const person = await newPerson(stage.browser);
    await person.addInitScript(forbidStorage);
    await walk(person);
  });

  it('whose storage is full runs every page', async () => {
    const person = await newPerson(stage.browser);
    await person.addInitScript(fillStorage);
    await walk(person);
  });
});

describe('any other browser', () => {
  it.each(['', 'agent', 'widget.html', 'admin/'])('reads at /%s what the page is, and which browsers it needs', async (path) => {
    const person = await newPerson(stage.browser, { javaScriptEnabled: false, colorScheme: 'dark', viewport: { width: 360, height: 740 } });
    const page = await person.newPage();
    const animations = await person.newCDPSession(page);
    await animations.send('Animation.enable');
    await animations.send('Animation.setPlaybackRate', { playbackRate: 100 });
    await page.goto(path === 'admin/' ? (stage.hub.links.get('admin') ?? '') : `${stage.hub.url}/${path}`);
    const text = page.locator('.start');
    const names = BROWSERS.map(({ name, version }) => `${name} ${version}`).join(', ');
    await text.getByText(`Parley runs in ${names}, and newer ones.`).waitFor();
    await text.getByText(`请使用 ${names} 或更新的版本。`).waitFor();
    expect(await text.evaluate((node) => getComputedStyle(node).textAlign)).toBe('center');
    await screenshot(page, `start-${path.replace(/\W/g, '') || 'chat'}`);
  });
});

describe('the description of the HTTP API', () => {
  it('[A12] shows an example and a curl line for each operation, by keyboard, too', async () => {
    const page = await openTab(
      await newPerson(stage.browser, { viewport: { width: 360, height: 740 } }),
      `${stage.hub.url}/docs`,
      problems,
    );
    const guest = page.locator('#createGuest');
    await guest.locator('summary').focus();
    await page.keyboard.press('Enter');
    await guest.locator('.curl').getByText(`curl -X POST "$HUB/api/v1/guests"`).waitFor();
    await guest.locator('.example').getByText('"name": "Gil"').first().waitFor();
    // A shared schema is shown where it is used.
    await guest.getByText('refresh: string').waitFor();
    const operations = await page.locator('details').count();
    expect(operations).toBeGreaterThan(30);
    expect(await page.locator('details .curl').count()).toBe(operations);
    expect(await seriousFaults(page)).toEqual([]);
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(360);
    await screenshot(page, 'docs');
  });
});

describe('a renewal of the login that hangs', () => {
  const LOCK = 'parley.login';
  const renewal = (url: URL) => url.pathname.endsWith('/auth/refresh');

  /** Two tabs of a guest. The test moves their clock. */
  async function twoTabs(): Promise<[Page, Page]> {
    const person = await newPerson(stage.browser);
    await person.clock.install();
    const one = await openTab(person, stage.hub.chatLink, problems);
    await enterAsGuest(one, 'Ada');
    const other = await openTab(person, stage.hub.chatLink, problems);
    await connected(other);
    return [one, other];
  }

  /** Reloads a tab. Resolves when it waits for the lock that the other tab holds. */
  async function reloadedBehind(page: Page): Promise<void> {
    await page.reload();
    await until(() => page.evaluate(async (name) => (await navigator.locks.query()).pending?.some((lock) => lock.name === name), LOCK), {
      timeoutMs: PATIENCE_MS,
      describe: 'the tab waits for the lock',
    });
  }

  it('[A4] is given up, and the other tabs go on', async () => {
    const [hung, other] = await twoTabs();
    const requests: Route[] = [];
    // Never answered.
    await hung.route(renewal, (route) => void requests.push(route));
    await hung.reload();
    await until(() => requests.length > 0, { timeoutMs: PATIENCE_MS, describe: 'the renewal is under way' });
    await reloadedBehind(other);
    await hung.clock.fastForward(15_000);
    await connected(other);
    await hung.getByText('The server cannot be reached').first().waitFor();
    await hung.unroute(renewal);
    await hung.reload();
    await connected(hung);
  });

  it('[A4] in a tab that is frozen holds up no other for good', async () => {
    const [frozen, other] = await twoTabs();
    await frozen.evaluate((name) => void navigator.locks.request(name, () => new Promise(() => undefined)), LOCK);
    await reloadedBehind(other);
    await other.clock.fastForward(20_000);
    await connected(other);
  });
});
