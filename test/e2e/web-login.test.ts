import type { Browser, BrowserContext, Page, Route, WebSocketRoute } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';

import { AllInOne } from '#test/support/all-in-one.ts';
import { seriousFaults } from '#test/support/axe.ts';
import {
  askForCode,
  connected,
  enterAsGuest,
  launchBrowser,
  mailedCode,
  newPerson,
  openTab,
  PATIENCE_MS,
  register,
  screenshot,
  settled,
  shows,
} from '#test/support/browser.ts';
import { line as lineOf, say } from '#test/support/chat-page.ts';
import { firstBytes } from '#test/support/first-bytes.ts';
import { PostgresDatabase } from '#test/support/postgres.ts';
import { TcpProxy } from '#test/support/tcp-proxy.ts';
import { until } from '#test/support/wait.ts';

/** What a line of 40 KB/s carries in 2 and 4 seconds. Before the first paint, up to five scripts share it. */
const LINE = { paint: 80_000 / 6, entry: 160_000 };

let browser: Browser;
let hub: AllInOne;
let database: PostgresDatabase;
/** From the hub to its database. */
let line: TcpProxy;
const problems: string[] = [];

beforeAll(async () => {
  database = await PostgresDatabase.create();
  const url = new URL(database.url);
  line = await TcpProxy.start({ target: Number(url.port) });
  url.port = String(line.port);
  [browser, hub] = await Promise.all([launchBrowser(), AllInOne.start({ DATABASE_URL: url.href })]);
});

afterEach(async () => {
  await Promise.all(browser.contexts().map((context) => context.close()));
  expect(problems.splice(0)).toEqual([]);
});

afterAll(async () => {
  await browser?.close();
  await hub?.kill9();
  await line?.stop();
  await database?.drop();
});

async function open(person?: BrowserContext, before?: (page: Page) => Promise<unknown>): Promise<Page> {
  return openTab(person ?? (await newPerson(browser)), hub.chatLink, problems, before);
}

/** Everything a script of the page can read of what the browser keeps for it. */
function readable(page: Page): Promise<string> {
  return page.evaluate(() => JSON.stringify({ ...sessionStorage, ...localStorage, cookie: document.cookie, url: location.href }));
}

const code = (page: Page) => page.getByLabel('Code', { exact: true });

describe('login by mailed code', () => {
  it('[A1] [A2] [A3] registers a new address, and logs in again by its name', async () => {
    const page = await open();
    await screenshot(page, 'entry-guest');
    expect(await seriousFaults(page)).toEqual([]);
    await askForCode(page, 'ann@corp.test');
    await page.getByRole('link', { name: 'read it here' }).waitFor();
    await screenshot(page, 'entry-code');
    const first = await mailedCode(hub, 'ann@corp.test');
    const wrong = first === 'AAAAAA' ? 'BBBBBB' : 'AAAAAA';
    await code(page).fill('A');
    await page.keyboard.press('Enter');
    await shows(page, '#entry-error', 'The code has 6 letters and digits.');
    // It is sent as soon as it is complete. An Enter after that costs no further try.
    await code(page).fill(wrong);
    await shows(page, '#entry-error', 'This code is wrong or has expired. Use the one from the newest email, or send a new code.');
    await page.keyboard.press('Enter');
    await shows(page, '#entry-error', 'This code is wrong or has expired. Use the one from the newest email, or send a new code.');
    await screenshot(page, 'entry-code-wrong');
    expect(await seriousFaults(page)).toEqual([]);
    await page.getByRole('button', { name: 'Send a new code' }).click();
    const second = await mailedCode(hub, 'ann@corp.test', first);
    await code(page).pressSequentially(`${second.slice(0, 3)}-${second.slice(3).toLowerCase()}`);
    // A reload comes back to the step.
    await page.getByLabel('Your name', { exact: true }).waitFor();
    await page.reload();
    await page.getByLabel('Your name', { exact: true }).fill('Ann of Mail');
    await screenshot(page, 'entry-name');
    await page.keyboard.press('Enter');
    await connected(page);
    await shows(page, '#me', 'You are Ann of Mail');
    await page.getByRole('button', { name: 'Log out' }).click();
    await askForCode(page, 'ann of mail');
    await code(page).fill(await mailedCode(hub, 'ann@corp.test', second));
    await connected(page);
    await shows(page, '#me', 'You are Ann of Mail');
  });

  it('[A3] says that a name is taken, and takes another one', async () => {
    await register(await open(), hub, 'bob@corp.test', 'Bob');
    const page = await open();
    await askForCode(page, 'bob2@corp.test');
    await code(page).fill(await mailedCode(hub, 'bob2@corp.test'));
    const name = page.getByLabel('Your name', { exact: true });
    await name.fill('BOB');
    await page.keyboard.press('Enter');
    await shows(page, '#entry-error', 'Somebody has this name already. Choose another one.');
    await name.fill('Bob the Second');
    await page.keyboard.press('Enter');
    await connected(page);
  });

  it('speaks Chinese, in the dark, on a small screen, soon on a slow line, and remembers what was chosen', async () => {
    const phone = { locale: 'zh-CN', colorScheme: 'dark', viewport: { width: 360, height: 740 } } as const;
    const page = await open(await newPerson(browser, phone));
    await page.getByLabel('昵称').waitFor();
    const bytes = await firstBytes(page);
    expect(bytes.paint).toBeGreaterThan(1000);
    expect(bytes.paint).toBeLessThan(LINE.paint);
    expect(bytes.entry).toBeGreaterThan(50_000);
    expect(bytes.entry, 'see app/main.tsx and theme/mantine.css').toBeLessThan(LINE.entry);
    expect(await page.locator('html').getAttribute('lang')).toBe('zh-Hans');
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(360);
    await screenshot(page, 'entry-small-dark-chinese');
    expect(await seriousFaults(page)).toEqual([]);
    await page.getByRole('button', { name: 'English' }).click();
    await page.getByRole('button', { name: 'Colours follow the system' }).click();
    await page.locator('html[data-mantine-color-scheme="light"]').waitFor();
    await page.reload();
    await page.getByLabel('Nickname').waitFor();
    await page.locator('html[data-mantine-color-scheme="light"]').waitFor();
    await screenshot(page, 'entry-small-light');
    expect(await seriousFaults(page)).toEqual([]);
  });

  it('[A1] a reload comes back to the code, which may be pasted anywhere; a Chinese page gets a Chinese mail', async () => {
    const person = await newPerson(browser, { locale: 'zh-CN', permissions: ['clipboard-read', 'clipboard-write'] });
    const page = await open(person);
    await page.getByText('用邮箱').click();
    await page.getByLabel(/^邮箱/).fill('lin@corp.test');
    await page.keyboard.press('Enter');
    const field = page.getByLabel('验证码', { exact: true });
    await field.waitFor();
    const mailed = await mailedCode(hub, 'lin@corp.test');
    const mails = await hub.mailbox();
    expect(mails).toContain('你的 Parley 登录验证码');
    expect(mails).toContain('10 分钟内有效');
    await page.reload();
    await field.waitFor();
    await page.getByText('lin@corp.test').waitFor();
    expect(await field.getAttribute('autocomplete')).toBe('one-time-code');
    expect(await field.getAttribute('autocapitalize')).toBe('characters');
    expect(await field.getAttribute('inputmode')).toBe('text');
    await screenshot(page, 'entry-code-chinese');
    // The focus is on another element: the page takes the code all the same.
    await page.getByRole('button', { name: '重新发送' }).focus();
    await page.evaluate((text) => navigator.clipboard.writeText(text), `  ${mailed.slice(0, 3)} - ${mailed.slice(3)}\n`);
    await page.keyboard.press('Control+V');
    await page.getByLabel('你的名字').waitFor();
    expect(await page.evaluate(() => sessionStorage.getItem('parley.entry'))).toContain('"is":"name"');
  });

  it('[A2] says that a code is over after five wrong tries, and until when none is accepted after twenty', async () => {
    const page = await open();
    await askForCode(page, 'tries@corp.test');
    let used = await mailedCode(hub, 'tries@corp.test');
    const wrong = [...'23456789ABCDEFGHJKMN'].map((letter) => `${letter}ZZZZZ`);
    for (let round = 0; round < 4; round += 1) {
      for (let n = 0; n < 5; n += 1) {
        await code(page).fill(wrong[5 * round + n] ?? '');
        await page
          .locator('#entry-error', {
            hasText: n < 4 ? 'This code is wrong or has expired.' : 'Too many wrong tries: this code does not work any more.',
          })
          .waitFor();
        await code(page).fill('');
      }
      // The right one is told the truth, too.
      await code(page).fill(used);
      await shows(page, '#entry-error', 'Too many wrong tries: this code does not work any more. Send a new code.');
      if (round === 0) await screenshot(page, 'entry-code-spent');
      await page.getByRole('button', { name: 'Send a new code' }).click();
      used = await mailedCode(hub, 'tries@corp.test', used);
    }
    await code(page).fill(used);
    await page
      .locator('#entry-error', { hasText: /^Too many tries: no code is accepted until \d+:\d\d.[AP]M\. Then send a new code\.$/ })
      .waitFor();
    await screenshot(page, 'entry-code-limit');
    expect(await seriousFaults(page)).toEqual([]);
  });

  it('[A1] says how long to wait after too many tries, and what is no address', async () => {
    const page = await open();
    await page.getByText('With my email').click();
    const account = page.getByLabel('Email address, or your name');
    await account.fill('ann@@corp');
    await page.keyboard.press('Enter');
    await shows(page, '#entry-error', 'This is neither an email address nor a name. Please check it.');
    await account.fill('often@corp.test');
    await page.keyboard.press('Enter');
    const again = page.getByRole('button', { name: 'Send a new code' });
    // Read out each time: the same words are another element.
    const told = page.getByRole('status').getByText('A new code is on its way');
    await again.click();
    const first = await told.elementHandle();
    await again.click();
    await expect.poll(() => first?.evaluate((element) => element.isConnected)).toBe(false);
    await told.waitFor();
    for (let answer = 0; answer !== 429; ) {
      const [answered] = await Promise.all([page.waitForResponse('**/auth/code'), again.click()]);
      answer = answered.status();
    }
    await page.locator('#entry-error', { hasText: /^Too many tries\. Try again at \d+:\d\d.[AP]M\.$/ }).waitFor();
    await screenshot(page, 'entry-too-many');
  });

  it('shows mail only where it is sent to nobody, and as text', async () => {
    const page = await open();
    await askForCode(page, '<b>x</b>');
    await askForCodeOf(page, "o'neil@corp.test");
    await mailedCode(hub, 'o&#39;neil@corp.test');
    const box = await openMailbox(page);
    expect(await box.locator('article b', { hasText: "o'neil@corp.test" }).count()).toBe(1);
    const font = await box
      .locator('article')
      .first()
      .evaluate((article) => getComputedStyle(article).borderRadius);
    expect(font).not.toBe('0px');
    await screenshot(box, 'mailbox');
  });
});

async function askForCodeOf(page: Page, account: string): Promise<void> {
  await page.getByRole('button', { name: 'Another address' }).click();
  await page.getByLabel('Email address, or your name').fill(account);
  await page.keyboard.press('Enter');
  await code(page).waitFor();
}

async function openMailbox(page: Page): Promise<Page> {
  const opened = page.context().waitForEvent('page');
  await page.getByRole('link', { name: 'read it here' }).click();
  const box = await opened;
  await box.locator('h1', { hasText: 'Mailbox' }).waitFor();
  return box;
}

describe('the first page', () => {
  it.each([
    ['/', 'Nickname'],
    ['/agent', 'Password'],
  ])('[A4] %s asks for no login that is not there: nothing is refused, and the console is empty', async (path, field) => {
    const page = await (await newPerson(browser)).newPage();
    page.setDefaultTimeout(PATIENCE_MS);
    const seen: string[] = [];
    page.on('console', (message) => seen.push(message.text()));
    page.on('response', (response) => response.status() >= 400 && seen.push(`${response.status()} ${response.url()}`));
    await page.goto(hub.url + path);
    await page.getByLabel(field, { exact: true }).waitFor();
    await page.waitForLoadState('networkidle');
    expect(seen).toEqual([]);
  });
});

describe('a login', () => {
  it('[A4] outlives a reload, also one in the middle of another, and is nowhere a script can read it', async () => {
    const page = await open();
    await register(page, hub, 'carl@corp.test', 'Carl');
    expect(await readable(page)).not.toMatch(/eyJ|parley_refresh|[\w-]{43}/);
    await page.reload();
    await connected(page);
    await shows(page, '#me', 'You are Carl');
    // The page is left after it asked for its next token: the answer finds nobody, and its cookie comes late.
    line.cut();
    const asked = page.waitForRequest('**/api/v1/auth/refresh');
    await page.evaluate(() => location.reload());
    await asked;
    await page.reload();
    line.heal();
    await connected(page);
    await page.reload();
    await connected(page);
    await shows(page, '#me', 'You are Carl');
    expect(await readable(page)).not.toMatch(/eyJ|parley_refresh|[\w-]{43}/);
  });

  it('[A4] two tabs of one browser go on side by side', async () => {
    const person = await newPerson(browser);
    const first = await open(person);
    await register(first, hub, 'dora@corp.test', 'Dora');
    const second = await open(person);
    await connected(second);
    await Promise.all([first, second].map((page) => page.reload()));
    await Promise.all([first, second].map((page) => connected(page)));
    await first.locator('main [data-here="1"]').waitFor();
  });

  it('[A4] outlives lost answers of both tabs, which ask again at once', async () => {
    const person = await newPerson(browser);
    const first = await open(person);
    await register(first, hub, 'fay@corp.test', 'Fay');
    const second = await open(person);
    await connected(second);
    const lost: number[] = [];
    // The hub answers, and the browser hears neither the answer nor its cookie.
    const lose = async (route: Route): Promise<void> => {
      const request = route.request();
      const headers = await request.allHeaders();
      const { cookie = '', origin = hub.url } = headers;
      const answer = await fetch(request.url(), {
        method: 'POST',
        headers: { cookie, origin, 'content-type': 'application/json' },
        body: request.postData(),
      });
      lost.push(answer.status);
      await route.abort('connectionreset');
    };
    const refresh = '**/api/v1/auth/refresh';
    await person.route(refresh, lose);
    await Promise.all([first, second].map((page) => page.reload()));
    await until(() => lost.length >= 2, { timeoutMs: PATIENCE_MS, describe: 'both tabs lost an answer' });
    await person.unroute(refresh, lose);
    expect(new Set(lost)).toEqual(new Set([200]));
    for (const _ of [1, 2]) {
      await Promise.all([first, second].map((page) => page.reload()));
      await Promise.all([first, second].map((page) => connected(page)));
    }
    for (const page of [first, second]) await shows(page, '#me', 'You are Fay');
  });

  it('[A4] is over after logging out, in all tabs, and the page says so', async () => {
    const person = await newPerson(browser);
    const [first, second] = [await open(person), await open(person)];
    await register(first, hub, 'emil@corp.test', 'Emil');
    await second.reload();
    await connected(second);
    await first.getByRole('button', { name: 'Log out' }).click();
    await first.getByLabel('Email address, or your name').waitFor();
    await shows(second, '#banner-text', 'You were logged out.');
    await screenshot(second, 'park-logged-out');
    await second.getByRole('button', { name: 'Start over' }).click();
    await second.getByLabel('Email address, or your name').waitFor();
    await first.reload();
    await settled(first);
    expect(await first.locator('#entry').isVisible()).toBe(true);
  });

  it('[A7] of a guest is the same person after a reload', async () => {
    const page = await open();
    await enterAsGuest(page, 'Gus');
    await say(page, 'here I am');
    await page.reload();
    await connected(page);
    await lineOf(page, 'here I am', 'stored').waitFor();
  });
});

describe('the token', () => {
  /** The lines between the page and the hub, each in the hands of the test. */
  async function between(lines: WebSocketRoute[], sent: string[]): Promise<(page: Page) => Promise<unknown>> {
    return (page) =>
      page.routeWebSocket(/\/ws\/chat/, (line) => {
        lines.push(line);
        const there = line.connectToServer();
        line.onMessage((message) => {
          sent.push(String(message));
          there.send(message);
        });
      });
  }

  it('[F] is renewed in band before it is over, and after 4001', async () => {
    const [lines, sent, answered]: [WebSocketRoute[], string[], string[]] = [[], [], []];
    const page = await open(undefined, await between(lines, sent));
    await register(page, hub, 'gail@corp.test', 'Gail');
    page.on('response', (response) => answered.push(new URL(response.url()).pathname));
    // No token in the address: where in the chat one is, and nothing else.
    expect(page.url()).toBe(`${hub.url}/#/room/park`);
    lines[0]?.send(JSON.stringify({ type: 'token_expiring', expiresAt: Math.floor(Date.now() / 1000) + 60 }));
    const frame = await until(() => sent.find((text) => text.includes('"type":"refresh"')), { timeoutMs: PATIENCE_MS });
    expect(JSON.parse(frame)).toMatchObject({ type: 'refresh', token: expect.stringMatching(/^eyJ/) });
    await say(page, 'still on the same line');
    expect(lines).toHaveLength(1);
    answered.length = 0;
    await lines[0]?.close({ code: 4001, reason: 'TOKEN_EXPIRED' });
    await until(() => lines.length === 2, { timeoutMs: PATIENCE_MS });
    await connected(page);
    expect(answered).toContain('/api/v1/auth/refresh');
    expect(lines.every((line) => !line.url().includes('eyJ'))).toBe(true);
  });

  it('[C] refused again after 4001, the page asks to log in', async () => {
    const [lines, sent]: [WebSocketRoute[], string[]] = [[], []];
    const page = await open(undefined, await between(lines, sent));
    await register(page, hub, 'hal@corp.test', 'Hal');
    await page.context().clearCookies();
    await lines[0]?.close({ code: 4001, reason: 'TOKEN_EXPIRED' });
    await shows(page, '#banner-text', 'Your login has expired. Please log in again.');
    await page.getByRole('button', { name: 'Start over' }).click();
    await page.getByLabel('Email address, or your name').waitFor();
  });
});
