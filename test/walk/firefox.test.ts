import { mkdir } from 'node:fs/promises';
import type { Browser as Chromium } from 'playwright-core';
import puppeteer, { type Browser, type Page } from 'puppeteer-core';
import { afterAll, beforeAll, expect, it } from 'vitest';

import { AllInOne } from '#test/support/all-in-one.ts';
import { artifact, enterAsGuest, launchBrowser, newPerson, openTab, PATIENCE_MS } from '#test/support/browser.ts';
import { line, say } from '#test/support/chat-page.ts';
import { PostgresDatabase } from '#test/support/postgres.ts';
import { TcpProxy } from '#test/support/tcp-proxy.ts';
import { Walk } from './walk.ts';

const FIREFOX = '/usr/bin/firefox-esr';

let database: PostgresDatabase;
let hub: AllInOne;
/** From Firefox to the hub. */
let wire: TcpProxy;
let firefox: Browser;
let chromium: Chromium;
let walk: Walk;

beforeAll(async () => {
  database = await PostgresDatabase.create();
  walk = await Walk.begin('firefox');
  await mkdir(artifact('walk/firefox'), { recursive: true });
  hub = await AllInOne.start({ DATABASE_URL: database.url });
  wire = await TcpProxy.start({ target: hub.port });
  [firefox, chromium] = await Promise.all([
    puppeteer.launch({ browser: 'firefox', executablePath: FIREFOX, headless: true, timeout: PATIENCE_MS * 2 }),
    launchBrowser(),
  ]);
});

afterAll(async () => {
  walk?.end();
  await Promise.all([firefox?.close(), chromium?.close()]);
  await wire?.stop();
  await hub?.kill9();
  await database?.drop();
});

/** Resolves when the page shows a message with this text. */
const reads = (page: Page, text: string, state = 'stored') =>
  page.waitForSelector(`::-p-xpath(//main//li[@data-key and (not(@data-mine) or @data-state="${state}")]//*[@data-text and .="${text}"])`);

it('a person in Firefox talks with one in Chromium, over a connection that breaks', async () => {
  const page = await firefox.newPage();
  page.setDefaultTimeout(PATIENCE_MS);
  await page.setViewport({ width: 1280, height: 800 });
  page.on('pageerror', (error) => {
    // Firefox itself tells of a WebSocket that broke.
    if (!String(error).includes('was interrupted while the page was loading')) walk.faults.push(String(error));
  });
  const shot = (name: string) => page.screenshot({ path: artifact(`walk/firefox/${name}.png`) as `${string}.png` });
  const ann = await openTab(await newPerson(chromium), hub.url, walk.faults);
  await enterAsGuest(ann, 'Ann');

  await walk.step('Firefox opens the page', async () => {
    await page.goto(`http://127.0.0.1:${wire.port}/`);
    await page.locator('::-p-aria(Nickname[role="textbox"])').wait();
  });
  await walk.step('Finn enters the park', async () => {
    await page.focus('::-p-aria(Nickname[role="textbox"])');
    await page.keyboard.type('Finn');
    await page.keyboard.press('Enter');
    await page.waitForSelector('main[data-room="park"][data-state="open"]');
  });
  await shot('park');
  await walk.step('Finn reads Ann', async () => {
    await say(ann, 'Hello from Chromium');
    await reads(page, 'Hello from Chromium');
  });
  await walk.step('Finn answers', async () => {
    await page.focus('::-p-aria(Message[role="textbox"])');
    await page.keyboard.type('Hello from Firefox');
    await page.keyboard.press('Enter');
    await reads(page, 'Hello from Firefox');
    await line(ann, 'Hello from Firefox').waitFor();
  });
  await walk.step('the connection breaks, and the page says so', async () => {
    wire.refuse();
    await page.waitForSelector('[data-state="reconnecting"]');
  });
  await shot('away');
  await say(ann, 'You missed this');
  await page.keyboard.type('Am I still here?');
  await page.keyboard.press('Enter');
  await reads(page, 'Am I still here?', 'pending');
  await walk.step('it comes back, and nothing is lost', async () => {
    wire.heal();
    await page.waitForSelector('[data-state="connected"]');
    await reads(page, 'You missed this');
    await reads(page, 'Am I still here?');
    await line(ann, 'Am I still here?').waitFor();
  });
  await shot('back');
  await walk.step('a reload finds the login again', async () => {
    await page.reload();
    await page.waitForSelector('main[data-room="park"][data-state="open"]');
    await reads(page, 'You missed this');
    expect(await page.$eval('#me', (me) => me.textContent)).toBe('You are Finn, a guest');
  });
  await shot('reloaded');
  expect(walk.faults).toEqual([]);
});
