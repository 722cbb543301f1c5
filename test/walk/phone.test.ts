import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';

import { zh } from '#services/web/src/i18n/zh.ts';
import { AllInOne } from '#test/support/all-in-one.ts';
import { artifact, launchBrowser, newPerson, PATIENCE_MS } from '#test/support/browser.ts';
import { inChat } from '#test/support/chat-page.ts';
import { PostgresDatabase } from '#test/support/postgres.ts';
import { Walk, watchShifts } from './walk.ts';

const BYTES_PER_SECOND = 40_000;
const SENTENCE_MS = 2000;
const FIELD_MS = 4000;

let database: PostgresDatabase;
let hub: AllInOne;
let browser: Browser;
let walk: Walk;

beforeAll(async () => {
  database = await PostgresDatabase.create();
  walk = await Walk.begin('phone');
  hub = await AllInOne.start({ DATABASE_URL: database.url });
  browser = await launchBrowser();
});

afterAll(async () => {
  walk?.end();
  await browser?.close();
  await hub?.kill9();
  await database?.drop();
});

/** The texts and labels with two English words at least. */
function englishTexts(page: Page): Promise<string[]> {
  return page.evaluate(() => {
    if (document.querySelector('.start') !== null) return [];
    const own = [...document.querySelectorAll('body, body *')].filter((element) => element.closest('[lang="en"]') === null);
    const attributes = own.flatMap((element) => ['aria-label', 'title', 'placeholder'].map((name) => element.getAttribute(name) ?? ''));
    const texts = own.flatMap((element) => [...element.childNodes].filter((node) => node.nodeType === Node.TEXT_NODE));
    return [document.title, ...attributes, ...texts.map((node) => node.textContent ?? '')].filter((text) => /[a-z]+ [a-z]+/i.test(text));
  });
}

async function widthFaults(page: Page): Promise<string[]> {
  const width = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  return width > 0 ? [`the page is ${width} px too wide`] : [];
}

/** Lets a tab load at most so fast. */
async function slowDown(page: Page): Promise<void> {
  const devtools = await page.context().newCDPSession(page);
  await devtools.send('Network.enable');
  await devtools.send('Network.emulateNetworkConditions', {
    offline: false,
    latency: 0,
    downloadThroughput: BYTES_PER_SECOND,
    uploadThroughput: BYTES_PER_SECOND,
  });
}

it('a phone of 360 px, in Chinese, dark, at 40 KB/s', async () => {
  const person = await newPerson(browser, {
    locale: 'zh-CN',
    colorScheme: 'dark',
    viewport: { width: 360, height: 740 },
    isMobile: true,
    hasTouch: true,
    deviceScaleFactor: 2,
  });
  const open = async (): Promise<Page> => {
    const tab = await person.newPage();
    tab.setDefaultTimeout(PATIENCE_MS);
    await watchShifts(tab);
    await slowDown(tab);
    return tab;
  };
  const first = await open();
  await first.goto(hub.chatLink, { waitUntil: 'commit' });
  await first.waitForFunction(() => performance.getEntriesByName('first-contentful-paint').length > 0);
  await first.screenshot({ path: artifact('walk/phone/00-first-paint.png') });
  await first.close();

  // Nothing else while this is timed.
  const page = await open();
  const began = performance.now();
  await page.goto(hub.chatLink, { waitUntil: 'commit' });
  await page.getByLabel(zh.account.nickname).fill('小明');
  const field = performance.now() - began;
  const sentence = await page.evaluate(() => performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? Number.NaN);
  walk.shows('phone', page);
  // A page in Chinese has no English sentence, and nothing is wider than the phone.
  walk.looksAt(async () => [...(await englishTexts(page)), ...(await widthFaults(page))]);
  await walk.timed('a sentence says what this is', sentence, SENTENCE_MS);
  await walk.timed('the field takes a name', field, FIELD_MS);
  await walk.step('小明 enters the park', async () => {
    await page.keyboard.press('Enter');
    await inChat(page);
    await page.locator('main[data-room="park"][data-state="open"]').waitFor();
    // The keyboard of a phone would cover the messages, so nothing takes the focus.
    walk.restarts('phone');
  });
  const chat = zh.chat;
  const message = page.getByLabel(zh.conversation.message, { exact: true });
  await walk.step('小明 says something', async () => {
    await message.fill('大家好！今天天气不错，有人一起去池塘边散步吗？');
    await page.keyboard.press('Enter');
    await page.locator('main li[data-mine][data-state="stored"]').waitFor();
  });
  await walk.step('小明 looks who is here', async () => {
    await page.getByRole('button', { name: chat.showPeople }).press('Enter');
    await page.locator('aside [data-person="小明"]').waitFor();
  });
  await walk.step('小明 closes the list', async () => {
    await page.keyboard.press('Escape');
    await page.locator('aside').waitFor({ state: 'detached' });
  });
  await walk.step('小明 goes back to the rooms', async () => {
    await page.getByRole('link', { name: chat.back }).press('Enter');
    await page.getByRole('navigation').waitFor();
    walk.restarts('phone');
  });
  await walk.step('小明 waits for a partner', async () => {
    await page.getByRole('link', { name: new RegExp(`^${chat.partner}`) }).press('Enter');
    await page.getByRole('button', { name: chat.pairFind }).press('Enter');
    await page.getByText(chat.pairWaiting).waitFor();
  });
  await walk.step('小明 stops waiting', async () => {
    await page.getByRole('button', { name: chat.pairStop }).press('Enter');
    await page.getByRole('button', { name: chat.pairFind }).waitFor();
  });
  await walk.step('小明 reloads the page', async () => {
    await page.reload();
    await inChat(page);
    walk.restarts('phone');
  });
  expect(walk.faults).toEqual([]);
});
