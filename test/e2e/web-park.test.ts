import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { AllInOne } from '#test/support/all-in-one.ts';
import { seriousFaults } from '#test/support/axe.ts';
import { launchBrowser, PATIENCE_MS, screenshot } from '#test/support/browser.ts';
import { anotherTab, comeIn, conversation, converses, inChat, line, nobodyOnline, say, write } from '#test/support/chat-page.ts';
import { freePort } from '#test/support/free-port.ts';
import { PostgresDatabase } from '#test/support/postgres.ts';
import { TcpProxy } from '#test/support/tcp-proxy.ts';
import { until } from '#test/support/wait.ts';

let browser: Browser;
let hub: AllInOne;
let database: PostgresDatabase;
const problems: string[] = [];

beforeAll(async () => {
  database = await PostgresDatabase.create();
  [browser, hub] = await Promise.all([launchBrowser(), AllInOne.start({ DATABASE_URL: database.url })]);
});

beforeEach(() => nobodyOnline(hub.url));

afterEach(async () => {
  await Promise.all(browser.contexts().map((context) => context.close()));
  expect(problems.splice(0)).toEqual([]);
});

afterAll(async () => {
  await browser?.close();
  await hub?.kill9();
  await database?.drop();
});

/** Somebody comes in, into the park. */
async function person(name: string, options: BrowserContextOptions = {}, url = hub.url): Promise<Page> {
  const page = await comeIn({ browser, url, problems }, name, options);
  await page.locator('main[data-room="park"][data-state="open"]').waitFor();
  return page;
}

const onlineCount = (page: Page, count: number) => page.locator(`nav [data-online="${count}"]`).waitFor();
const hereCount = (page: Page, count: number) => page.locator(`main [data-here="${count}"]`).waitFor();

describe('two people in the park', () => {
  it('[P1] see each other; three tabs of one are one person', async () => {
    const [ann, bob] = [await person('Ann'), await person('Bob')];
    for (const page of [ann, bob]) {
      await onlineCount(page, 2);
      await hereCount(page, 2);
      await page.locator('aside [data-person="Ann"]').waitFor();
      await page.locator('aside [data-person="Bob"]').waitFor();
    }
    const tabs = [];
    for (let n = 0; n < 2; n += 1) tabs.push(await anotherTab(bob.context(), { browser, url: hub.url, problems }));
    const carol = await person('Carol');
    // A count that had passed 3 on its way would have been pushed before this one.
    await onlineCount(ann, 3);
    await hereCount(ann, 3);
    for (const tab of [bob, ...tabs]) await tab.close();
    await ann.locator('aside [data-person="Bob"]').waitFor({ state: 'detached' });
    await onlineCount(ann, 2);
    await hereCount(ann, 2);
    await carol.close();
    await hereCount(ann, 1);
  });

  it('[M4] read the same, in the same order, once', async () => {
    const [ann, bob] = [await person('Ann'), await person('Bob')];
    await write(ann, 'Is it me you are looking for?');
    await line(bob, 'Is it me you are looking for?').waitFor();
    await write(bob, 'No, I am feeding the ducks 🦆');
    await line(ann, 'No, I am feeding the ducks 🦆').waitFor();
    for (let n = 0; n < 5; n += 1) await write(n % 2 === 0 ? ann : bob, `line ${n}`);
    for (const [page, n] of [
      [ann, 4],
      [bob, 3],
    ] as const)
      await line(page, `line ${n}`, 'stored').waitFor();
    await line(bob, 'line 4').waitFor();
    await line(ann, 'line 3').waitFor();
    await until(async () => (await ann.locator('[data-state="pending"]').count()) === 0, { timeoutMs: PATIENCE_MS });
    const [seen, seenToo] = await Promise.all([conversation(ann), conversation(bob)]);
    expect(seen).toEqual(seenToo);
    expect(new Set(seen).size).toBe(seen.length);
    await screenshot(ann, 'park-wide-light');
    const late = await person('Late', { colorScheme: 'dark' });
    await converses(late, seen);
    await screenshot(late, 'park-wide-dark');
  });

  it('see who is typing, until they said it', async () => {
    const [ann, bob] = [await person('Ann'), await person('Bob')];
    const field = bob.getByLabel('Message', { exact: true });
    // Told at most once a second: whoever goes on typing is seen.
    await until(
      async () => {
        await field.press('a');
        return ann.getByText('Bob guest is typing…').isVisible();
      },
      { timeoutMs: PATIENCE_MS, everyMs: 200 },
    );
    await screenshot(ann, 'park-typing');
    await bob.keyboard.press('Enter');
    await ann.locator('[data-typing="0"]').waitFor();
    expect(await bob.getByText('is typing').count()).toBe(0);
  });
});

describe('hostile text', () => {
  it('does nothing, in names, in messages and in links', async () => {
    const [ann, eve] = [await person('Ann'), await person('<img src=x onerror=1>')];
    const strings = [
      '<script>alert(1)</script>',
      '<img src=x onerror=alert(1)>',
      '"><svg/onload=alert(1)>',
      "javascript:alert('x')",
      '[click](javascript:alert(1))',
      'https://evil.example/"onmouseover="alert(1)',
      'https://evil.example/<script>alert(1)</script>',
      'https://bank.example@evil.example/',
      '{{constructor.constructor("alert(1)")()}}',
      '&lt;b&gt;not bold&amp;',
      '\u202egnp.exe',
    ];
    for (const text of strings) await write(eve, text);
    await line(eve, strings.at(-1) ?? '', 'stored').waitFor();
    await until(async () => (await conversation(ann)).filter((text) => strings.includes(text)).length === strings.length, {
      timeoutMs: PATIENCE_MS,
    });
    expect(await ann.locator('main li script, main li img, main li [onload], main li [onmouseover], aside img, nav img').count()).toBe(0);
    await ann.locator('aside [data-person="<img src=x onerror=1>"]').waitFor();
    const links = await ann.locator('main li a').evaluateAll((all) => all.map((a) => (a as HTMLAnchorElement).href));
    expect(links).toEqual(['https://evil.example/', 'https://evil.example/']);
    await screenshot(ann, 'park-hostile');
  });

  it('links lead out safely: another window that learns nothing', async () => {
    const page = await person('Ann');
    await say(page, 'see https://example.org/ducks?a=1, it is nice');
    const link = page.getByRole('link', { name: 'https://example.org/ducks?a=1', exact: true });
    expect(await link.getAttribute('rel')).toBe('noopener noreferrer nofollow ugc');
    expect(await link.getAttribute('target')).toBe('_blank');
    expect(await link.getAttribute('href')).toBe('https://example.org/ducks?a=1');
  });
});

describe('what one writes', () => {
  it('[F2] is counted as people count, and nothing over the limit is sent', async () => {
    const page = await person('Ann');
    const before = (await conversation(page)).length;
    const counter = page.locator('[data-counter]');
    const send = page.getByRole('button', { name: 'Send' });
    await expect.poll(() => counter.textContent()).toBe('0/2000');
    expect(await send.isDisabled()).toBe(true);
    const field = page.getByLabel('Message', { exact: true });
    await field.fill('   ');
    expect(await send.isDisabled()).toBe(true);
    await field.fill('🦆'.repeat(2001));
    await expect.poll(() => counter.textContent()).toBe('2001/2000');
    await page.getByText('1 character too many').waitFor();
    await screenshot(page, 'park-too-long');
    expect(await send.isDisabled()).toBe(true);
    await page.keyboard.press('Enter');
    expect(await conversation(page)).toHaveLength(before);
    await page.keyboard.press('Backspace');
    await page.keyboard.press('Enter');
    await line(page, '🦆'.repeat(2000), 'stored').waitFor();
    await expect.poll(() => counter.textContent()).toBe('0/2000');
  });

  it('keeps its lines, waits for input methods, and stays where it was begun', async () => {
    const page = await person('Ann');
    const field = page.getByLabel('Message', { exact: true });
    await field.fill('one');
    await page.keyboard.press('Shift+Enter');
    await page.keyboard.type('two');
    await field.dispatchEvent('keydown', { key: 'Enter', isComposing: true });
    expect(await field.inputValue()).toBe('one\ntwo');
    await page.getByRole('link', { name: /^Partner/ }).click();
    await page.getByRole('link', { name: /^Park/ }).click();
    expect(await field.inputValue()).toBe('one\ntwo');
    await page.keyboard.press('Enter');
    await line(page, 'one\ntwo', 'stored').waitFor();
  });
});

describe('the screens', () => {
  it('fit a small telephone, as two, by keyboard alone', async () => {
    const small = { viewport: { width: 360, height: 640 }, isMobile: true, hasTouch: true, colorScheme: 'dark' } as const;
    const page = await comeIn({ browser, url: hub.url, problems }, 'A name of 21 letters!', small);
    const tooWide = () => page.evaluate(() => document.documentElement.scrollWidth > innerWidth);
    // Who comes in is among people at once.
    await page.locator('main[data-room="park"][data-state="open"]').waitFor();
    await page.getByRole('link', { name: 'Back to the rooms' }).focus();
    await page.keyboard.press('Enter');
    await page.getByRole('navigation', { name: 'Rooms' }).waitFor();
    expect(await page.locator('main[data-room]').count()).toBe(0);
    await screenshot(page, 'lobby-small-dark');
    expect(await tooWide()).toBe(false);
    await page.getByRole('link', { name: /^Park/ }).focus();
    await page.keyboard.press('Enter');
    await page.locator('main[data-room="park"][data-state="open"]').waitFor();
    expect(await page.getByRole('navigation', { name: 'Rooms' }).count()).toBe(0);
    await page.getByLabel('Message', { exact: true }).focus();
    const long = 'A line that has to be broken, with https://example.org/a-very-long-word-that-nobody-can-break-nicely in it';
    await page.keyboard.type(long);
    await page.keyboard.press('Enter');
    await page.locator('main li[data-mine][data-state="stored"]', { hasText: 'has to be broken' }).waitFor();
    await screenshot(page, 'park-small-dark');
    expect(await tooWide()).toBe(false);
    await page.getByRole('button', { name: /^Who is here/ }).focus();
    await page.keyboard.press('Enter');
    await page.getByRole('complementary', { name: 'People' }).waitFor();
    await screenshot(page, 'park-small-dark-people');
    await page.getByRole('button', { name: 'Close' }).focus();
    await page.keyboard.press('Escape');
    await page.getByRole('complementary', { name: 'People' }).waitFor({ state: 'detached' });
    await page.getByRole('link', { name: 'Back to the rooms' }).focus();
    await page.keyboard.press('Enter');
    await page.getByRole('navigation', { name: 'Rooms' }).waitFor();
  });

  it.each(['light', 'dark'] as const)('have no serious fault for those who cannot see them, when %s', async (colorScheme) => {
    const [ann, bob] = [await person('Ann', { colorScheme }), await person('Bob')];
    await say(ann, 'see https://example.org/ducks');
    await say(bob, `nice and ${colorScheme}`);
    await line(ann, `nice and ${colorScheme}`).waitFor();
    expect(await seriousFaults(ann)).toEqual([]);
    await ann.getByRole('button', { name: 'New group' }).click();
    await ann.getByRole('dialog', { name: 'New group' }).waitFor();
    expect(await seriousFaults(ann)).toEqual([]);
    await ann.keyboard.press('Escape');
    await ann.getByRole('link', { name: /^Partner/ }).click();
    await ann.getByRole('button', { name: 'Find a partner' }).waitFor();
    expect(await seriousFaults(ann)).toEqual([]);
  });

  it('speak Chinese', async () => {
    const page = await person('小明');
    await page.getByRole('button', { name: '中文' }).click();
    await page.getByRole('heading', { name: '公园' }).waitFor();
    await page.getByLabel('消息', { exact: true }).fill('你好');
    await page.getByRole('button', { name: '发送' }).click();
    await line(page, '你好', 'stored').waitFor();
    await screenshot(page, 'park-chinese');
    await page.getByRole('button', { name: 'English' }).click();
  });
});

describe('a hub that goes away', () => {
  it('[C] what is said meanwhile waits, and arrives once: nothing is lost, nothing shown twice', async () => {
    const env = { PORT: String(await freePort()), DATABASE_URL: database.url };
    let own = await AllInOne.start(env);
    try {
      const page = await person('Ann', {}, own.url);
      await say(page, 'before');
      await own.kill9();
      await page.locator('#banner').waitFor();
      await write(page, 'into the dark');
      await line(page, 'into the dark', 'pending').waitFor();
      await screenshot(page, 'park-lost');
      own = await AllInOne.start(env);
      await inChat(page);
      await line(page, 'into the dark', 'stored').waitFor();
      // The sequence is another one; what is stored is there nevertheless, and nothing is missing.
      expect((await conversation(page)).slice(-2)).toEqual(['before', 'into the dark']);
      expect(await page.locator('[data-gap]').count()).toBe(0);
    } finally {
      await own.kill9();
    }
  });

  it('[M5] a line that breaks is picked up where it broke: exactly what was missed, once, without a word', async () => {
    const proxy = await TcpProxy.start({ target: hub.port });
    try {
      const [ann, bob] = [await person('Ann', {}, `http://127.0.0.1:${proxy.port}`), await person('Bob')];
      await say(bob, 'you there?');
      await line(ann, 'you there?').waitFor();
      proxy.sever();
      proxy.refuse();
      await ann.locator('#banner').waitFor();
      for (let n = 0; n < 3; n += 1) await say(bob, `missed ${n}`);
      await write(ann, 'said in the dark');
      proxy.heal();
      await line(bob, 'said in the dark').waitFor();
      await line(ann, 'said in the dark', 'stored').waitFor();
      const end = ['you there?', 'missed 0', 'missed 1', 'missed 2', 'said in the dark'];
      for (const page of [ann, bob]) expect((await conversation(page)).slice(-end.length)).toEqual(end);
      expect(await ann.locator('[data-gap]').count()).toBe(0);
      await onlineCount(ann, 2);
    } finally {
      await proxy.stop();
    }
  });
});
