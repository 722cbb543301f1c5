/** Large and long texts: the browser's size of text is 24 px in place of 16, and messages have 2,000 characters. */
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { ADMIN_PASSWORD, openAdmin } from '#test/support/admin-page.ts';
import { addAgents, logInAsAgent } from '#test/support/agents.ts';
import { AllInOne } from '#test/support/all-in-one.ts';
import { launchBrowser, newPerson, openTab, screenshot } from '#test/support/browser.ts';
import { comeIn, goTo, say } from '#test/support/chat-page.ts';
import { Customer } from '#test/support/customer.ts';
import { PostgresDatabase } from '#test/support/postgres.ts';
import { LARGE_TEXT, textFaults } from '#test/support/text-size.ts';

const DESKTOP = { viewport: { width: 1280, height: 800 } };
const PHONE = { viewport: { width: 360, height: 740 } };

let browser: Browser;
let hub: AllInOne;
let database: PostgresDatabase;
const problems: string[] = [];

beforeAll(async () => {
  [database, browser] = await Promise.all([PostgresDatabase.create(), launchBrowser(LARGE_TEXT)]);
  [hub] = await Promise.all([
    AllInOne.start({ DATABASE_URL: database.url, ADMIN_PASSWORD }),
    addAgents(database.url, 'Maximilian of the Shop'),
  ]);
});

afterEach(async () => {
  await Promise.all(browser.contexts().map((context) => context.close()));
  expect(problems.splice(0)).toEqual([]);
});

afterAll(async () => {
  await browser?.close();
  await hub?.kill9();
  await database?.drop();
});

async function looksRight(page: Page, name: string): Promise<void> {
  await screenshot(page, `text-size-${name}`);
  expect(await textFaults(page), name).toEqual([]);
}

const open = async (path: string, options: BrowserContextOptions) =>
  openTab(await newPerson(browser, options), `${hub.url}${path}`, problems);

describe.each([
  ['desktop', DESKTOP],
  ['phone', PHONE],
])('with text of 24 px on a %s', (size, options) => {
  it('nothing is cut in the chat', async () => {
    const page = await open('/', options);
    await page.getByLabel('Nickname').waitFor();
    await looksRight(page, `entry-${size}`);
    await page.close();
    const ann = await comeIn({ browser, url: hub.url, problems }, `Annabelle ${size}`, options);
    await looksRight(ann, `lobby-${size}`);
    await goTo(ann, '#/room/park');
    await say(ann, 'A message of some words, with https://www.example.org/a/long/address in it');
    await looksRight(ann, `room-${size}`);
    await goTo(ann, '#/pair');
    await looksRight(ann, `pair-${size}`);
  });

  it('nothing is cut in the widget and the workbench', async () => {
    const customer = await open('/widget.html?channel=shop', options);
    await customer.getByLabel(/name/i).fill('Christiane');
    await looksRight(customer, `widget-name-${size}`);
    await customer.keyboard.press('Enter');
    await customer.getByLabel('Message', { exact: true }).fill('Where is my parcel?');
    await customer.keyboard.press('Enter');
    await customer.locator('[data-state="stored"]').waitFor();
    await looksRight(customer, `widget-${size}`);
    const agent = await open('/agent', options);
    await looksRight(agent, `agent-login-${size}`);
    await logInAsAgent(agent, 'Maximilian of the Shop');
    await agent.getByRole('navigation').getByRole('button', { name: 'Christiane' }).click();
    await agent.locator('[data-text]').getByText('parcel').waitFor();
    await looksRight(agent, `workbench-${size}`);
    await customer
      .getByText(/Maximilian/)
      .first()
      .waitFor();
    await looksRight(customer, `widget-answered-${size}`);
  });

  it('nothing is cut on the pages for the person on call', async () => {
    await looksRight(await openAdmin({ browser, url: `http://127.0.0.1:${hub.adminPort}/admin/`, problems }, options), `admin-${size}`);
    const docs = await open('/docs', options);
    await docs.locator('h2').first().waitFor();
    await looksRight(docs, `docs-${size}`);
  });
});

const LONG = `${'🦆'.repeat(1950)} www.example.org/end of all the ducks, here`;

describe('a message of 2,000 characters', () => {
  it('[F2] shows 12 lines, and the rest by keyboard', async () => {
    const ann = await comeIn({ browser, url: hub.url, problems }, 'Ann of the ducks', DESKTOP);
    await goTo(ann, '#/room/park');
    await say(ann, 'a short one');
    const text = LONG.padEnd(LONG.length + 2000 - [...LONG].length, '!');
    await ann.getByLabel('Message', { exact: true }).fill(text);
    await ann.locator('[data-counter]').getByText('2000/2000').waitFor();
    await ann.keyboard.press('Enter');
    const folded = ann.locator('li[data-state="stored"] [data-fold="folded"]');
    await folded.waitFor();
    const more = ann.getByRole('button', { name: 'Show more' });
    expect(await ann.locator('[data-fold]').count()).toBe(1);
    expect(await more.getAttribute('aria-expanded')).toBe('false');
    // All of it is there for a screen reader.
    expect(await folded.textContent()).toBe(text);
    const height = async () => (await ann.locator('[data-fold]').boundingBox())?.height ?? 0;
    const before = await height();
    expect(before).toBeCloseTo(12 * 22.5 * 1.45, -1);
    await looksRight(ann, 'folded');
    // The button has the end of the list in view, and its place.
    expect(await more.isVisible()).toBe(true);
    await more.focus();
    await ann.keyboard.press('Enter');
    const less = ann.getByRole('button', { name: 'Show less' });
    await less.waitFor();
    expect(await less.getAttribute('aria-expanded')).toBe('true');
    expect(await height()).toBeGreaterThan(before * 2);
    await screenshot(ann, 'text-unfolded');
    await ann.keyboard.press('Space');
    await more.waitFor();
    expect(await height()).toBe(before);
    // A link behind the fold opens it when the focus comes.
    await ann.keyboard.press('Shift+Tab');
    await less.waitFor();
    expect(await ann.evaluate(() => document.activeElement?.textContent)).toBe('www.example.org/end');
  });

  it('[F2] [M6] in a conversation is read page by page, thirty of them', async () => {
    const customer = await Customer.open(hub.url, 'Dora', 'Ducks');
    const texts = Array.from({ length: 30 }, (_, i) => `${i} ${'🦆'.repeat(1900)}`);
    for (const text of texts) await customer.say(text);
    const agent = await open('/agent', DESKTOP);
    await logInAsAgent(agent, 'Maximilian of the Shop');
    await agent.getByRole('navigation').getByRole('button', { name: 'Dora' }).click();
    // A page has 64 KiB.
    const seen = () => agent.locator('[data-state="stored"] [data-text]').allTextContents();
    await expect.poll(async () => (await seen()).length).toBeGreaterThan(0);
    for (let n = (await seen()).length; n < texts.length; n = (await seen()).length) {
      await agent.getByRole('button', { name: 'Earlier messages' }).press('Enter');
      await expect.poll(async () => (await seen()).length).toBeGreaterThan(n);
    }
    expect(await seen()).toEqual(texts);
    customer.leave();
  });
});
