import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { AllInOne } from '#test/support/all-in-one.ts';
import { ApiProcess } from '#test/support/api-process.ts';
import { seriousFaults } from '#test/support/axe.ts';
import {
  askForCode,
  connected,
  launchBrowser,
  mailedCode,
  newPerson,
  openTab,
  PATIENCE_MS,
  register,
  screenshot,
  shows,
} from '#test/support/browser.ts';
import { comeIn, conversation, converses, line, say, write } from '#test/support/chat-page.ts';
import { FrontDoor } from '#test/support/front-door.ts';
import type { GatewayProcess } from '#test/support/gateway-process.ts';
import { signToken, type TokenClaims } from '#test/support/jwt.ts';
import { PostgresDatabase } from '#test/support/postgres.ts';
import type { RedisServer } from '#test/support/redis-server.ts';
import { TestHub } from '#test/support/test-hub.ts';
import { until } from '#test/support/wait.ts';

let browser: Browser;
let hub: TestHub<RedisServer>;
let api: ApiProcess;
let door: FrontDoor;
/** Takes the next WebSocket. */
let gateway: GatewayProcess;
const problems: string[] = [];

TestHub.showLogs(() => hub);
beforeAll(async () => {
  hub = await TestHub.single({ gateways: 2 });
  api = await ApiProcess.start({ ...hub.settings, ALLOW_GUESTS: 'on' });
  gateway = hub.gateway(0);
  [browser, door] = await Promise.all([launchBrowser(), FrontDoor.start({ api: api.port, gateway: () => gateway.port })]);
});

beforeEach(() => door.open());

afterEach(async () => {
  await Promise.all(browser.contexts().map((context) => context.close()));
  expect(problems.splice(0)).toEqual([]);
});

afterAll(async () => {
  await browser?.close();
  await door?.stop();
  await api?.kill9();
  await hub?.stop();
});

const person = (name: string, options = {}) => comeIn({ browser, url: door.url, problems }, name, options);
const banner = (page: Page, tone: string) => page.locator(`#banner[data-tone="${tone}"]`);
/** What a token says. */
function claimsOf(token: string): TokenClaims {
  return JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as TokenClaims;
}

const noBanner = (page: Page) => page.locator('#banner').waitFor({ state: 'detached' });

describe('the banner', () => {
  it('says that it connects where that takes a moment, and then that it did', async () => {
    door.hold();
    const page = await openTab(await newPerson(browser), door.url, problems);
    await page.getByLabel('Nickname').fill('Ann');
    await page.keyboard.press('Enter');
    await banner(page, 'calm').waitFor();
    await shows(page, '#banner-text', 'Connecting…');
    await screenshot(page, 'connection-connecting');
    door.open();
    await banner(page, 'good').waitFor();
    await shows(page, '#banner-text', 'Connected.');
    await noBanner(page);
  });

  it.each([
    ['wide-light', { viewport: { width: 1280, height: 800 }, colorScheme: 'light' }],
    ['small-dark', { viewport: { width: 360, height: 740 }, colorScheme: 'dark' }],
  ] as const)('counts down after a loss, and tries at once where it is told to (%s)', async (name, options) => {
    const page = await person('Bob', options);
    expect(await seriousFaults(page)).toEqual([]);
    door.shut();
    await banner(page, 'warning').waitFor();
    const clock = page.getByText(/Trying again in \d+ s\./);
    await clock.waitFor();
    // It is gone during an attempt: waited for, so that it is there in one of the pauses.
    await page.locator('[role="status"]', { hasText: 'Connection lost.' }).waitFor({ state: 'attached' });
    await screenshot(page, `connection-lost-${name}`);
    expect(await seriousFaults(page)).toEqual([]);
    door.open();
    // It may come back by itself before the click: that is as good.
    await page
      .getByRole('button', { name: 'Try now' })
      .click({ timeout: 1000 })
      .catch(() => undefined);
    await connected(page);
    await noBanner(page);
  });

  it('says that the network is away, in Chinese too, and comes back with it', async () => {
    const page = await person('Cem');
    await page.context().setOffline(true);
    door.shut();
    await page.locator('[data-state="offline"]').waitFor();
    await shows(page, '#banner-text', 'You are offline. What you write is sent as soon as you are back.');
    await screenshot(page, 'connection-offline');
    await page.getByRole('button', { name: '中文' }).click();
    await shows(page, '#banner-text', '你已离线。恢复网络后，你写的内容会立即发送。');
    expect(await page.locator('html').getAttribute('lang')).toBe('zh-Hans');
    door.open();
    await page.context().setOffline(false);
    await connected(page);
    await noBanner(page);
  });
});

describe('a gateway killed under an open page', () => {
  it('[M2] [M4] the banner shows it, and what was typed meanwhile arrives once, in order', async () => {
    gateway = hub.gateway(1);
    const ann = await person('Ann');
    gateway = hub.gateway(0);
    const bob = await person('Bob');
    await say(bob, 'before');
    await line(ann, 'before').waitFor();
    // Nobody is let in while the others are asked for.
    door.hold();
    await hub.gateway(0).kill9();
    gateway = hub.gateway(1);
    await bob.locator('#banner').waitFor();
    const typed = ['while away 1', 'while away 2', 'while away 3'];
    for (const text of typed) {
      await write(bob, text);
      await line(bob, text, 'pending').waitFor();
    }
    await write(bob, 'better not');
    await line(bob, 'better not', 'pending').getByRole('button', { name: 'Discard' }).click();
    await line(bob, 'better not').waitFor({ state: 'detached' });
    await say(ann, 'from the other side');
    await screenshot(bob, 'connection-gateway-killed');
    door.open();
    await banner(bob, 'good').waitFor();
    for (const text of typed) await line(bob, text, 'stored').waitFor();
    const all = ['before', 'from the other side', ...typed];
    await converses(ann, all);
    await converses(bob, all);
    await say(bob, 'after');
    await line(ann, 'after').waitFor();
    expect(await conversation(ann)).toEqual([...all, 'after']);
  });
});

describe('a token that ends under an open page', () => {
  it('[F] is replaced over the same line, before it is over', async () => {
    gateway = hub.living[0] ?? (await hub.add());
    const page = await openTab(await newPerson(browser), door.url, problems);
    await page.route('**/api/v1/guests', async (route) => {
      const answer = await route.fetch();
      const login = (await answer.json()) as { token: string };
      // Of a life that is long enough the hub tells 60 s before its end.
      const now = Math.floor(Date.now() / 1000);
      const token = signToken({ ...claimsOf(login.token), iat: now - 600, exp: now + 63 });
      await route.fulfill({ response: answer, json: { ...login, token } });
    });
    const sent: string[] = [];
    const received: string[] = [];
    page.on('websocket', (socket) => {
      socket.on('framesent', ({ payload }) => sent.push(String(payload)));
      socket.on('framereceived', ({ payload }) => received.push(String(payload)));
    });
    const before = door.asked;
    await page.getByLabel('Nickname').fill('Tok');
    await page.keyboard.press('Enter');
    await connected(page);
    const frame = await until(() => received.find((text) => text.includes('"type":"refreshed"')), {
      timeoutMs: PATIENCE_MS,
      describe: () => received.join('\n'),
    });
    // Another one, good for longer than the first.
    expect((JSON.parse(frame) as { expiresAt: number }).expiresAt).toBeGreaterThan(Date.now() / 1000 + 120);
    expect(received.some((text) => text.includes('"type":"token_expiring"'))).toBe(true);
    expect(sent.filter((text) => text.includes('"type":"refresh"'))).toHaveLength(1);
    await say(page, 'still on the same line');
    expect(door.asked - before).toBe(1);
    await noBanner(page);
  });
});

describe('a login elsewhere, where there may be one only', () => {
  it('[R4] the page that was there first says so, and stays away', async () => {
    const database = await PostgresDatabase.create();
    const single = await AllInOne.start({ SESSIONS: 'single', DATABASE_URL: database.url });
    try {
      const first = await openTab(await newPerson(browser), single.url, problems);
      await register(first, single, 'one@corp.test', 'One');
      const second = await openTab(await newPerson(browser), single.url, problems);
      const used = await mailedCode(single, 'one@corp.test');
      await askForCode(second, 'one@corp.test');
      await second.getByLabel('Code', { exact: true }).fill(await mailedCode(single, 'one@corp.test', used));
      await second.keyboard.press('Enter');
      await connected(second);
      await shows(first, '#banner-text', 'You logged in somewhere else.');
      await first.locator('[data-state="closed"]').waitFor();
      await screenshot(first, 'connection-elsewhere');
      await say(second, 'here now');
      await first.getByRole('button', { name: 'Start over' }).click();
      await first.getByLabel('Email address, or your name').waitFor();
      expect(await second.locator('#banner').count()).toBe(0);
    } finally {
      await single.kill9();
      await database.drop();
    }
  });
});
