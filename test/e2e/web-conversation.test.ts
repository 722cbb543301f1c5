import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { ADMIN_PASSWORD } from '#test/support/admin-page.ts';
import { AllInOne } from '#test/support/all-in-one.ts';
import { askForCode, launchBrowser, newPerson, openTab, PATIENCE_MS, screenshot } from '#test/support/browser.ts';
import {
  comeIn,
  conversation,
  goTo,
  heldNotice,
  inChat,
  line,
  makeGroup,
  nobodyOnline,
  openEntry,
  say,
  unread,
  write,
} from '#test/support/chat-page.ts';
import { PostgresDatabase } from '#test/support/postgres.ts';
import { until } from '#test/support/wait.ts';

const KEY = 'a-key-of-the-tests-0123456789abcdef';
const PHONE = { viewport: { width: 360, height: 640 }, isMobile: true, hasTouch: true } as const;

let browser: Browser;
let hub: AllInOne;
let database: PostgresDatabase;
const problems: string[] = [];

beforeAll(async () => {
  database = await PostgresDatabase.create();
  const settings = { DATABASE_URL: database.url, API_KEYS: `tests:${KEY}`, ALLOW_CUSTOMERS: 'on', ADMIN_PASSWORD };
  [browser, hub] = await Promise.all([launchBrowser(), AllInOne.start(settings)]);
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

const person = (name: string, options: BrowserContextOptions = {}): Promise<Page> =>
  comeIn({ browser, url: hub.url, problems }, name, options);
const field = (page: Page) => page.getByLabel('Message', { exact: true });

/** A service says this much in a room, as somebody else. */
async function busy(room: string, from: number, to: number): Promise<void> {
  for (let at = from; at <= to; at += 100) {
    const texts = Array.from({ length: Math.min(100, to - at + 1) }, (_, n) => `line ${at + n}`);
    const response = await fetch(`${hub.url}/api/v1/batch`, {
      method: 'POST',
      headers: { authorization: `Bearer ${KEY}`, 'content-type': 'application/json' },
      body: JSON.stringify({ commands: texts.map((text) => ({ command: 'publish', room, text })) }),
    });
    expect(response.ok).toBe(true);
  }
}

/** Whether the whole element is in view inside the messages. */
const inView = (page: Page, selector: string) =>
  page.locator(selector).evaluate((element) => {
    const { top, bottom } = element.getBoundingClientRect();
    const box = element.closest('section')?.getBoundingClientRect();
    return box !== undefined && top >= box.top && bottom <= box.bottom;
  });

describe('the field for a message', () => {
  it('leaves the Enter of an input method alone, also where only its key code tells', async () => {
    const page = await person('小明');
    const before = (await conversation(page)).length;
    await field(page).fill('你好');
    // Safari ends the composition first.
    for (const event of [{ isComposing: true }, { isComposing: false, keyCode: 229 }]) {
      await field(page).dispatchEvent('keydown', { key: 'Enter', ...event });
      expect(await field(page).inputValue()).toBe('你好');
    }
    expect(await conversation(page)).toHaveLength(before);
    await page.keyboard.press('Enter');
    await line(page, '你好', 'stored').waitFor();
  });

  it('has 16 px at least on a touch screen, like every field of every page: phones would zoom', async () => {
    const context = await newPerson(browser, { ...PHONE, httpCredentials: { username: 'oncall', password: ADMIN_PASSWORD } });
    const seen: string[] = [];
    const look = async (page: Page, where: string) => {
      await page.locator('input, select, textarea').first().waitFor({ state: 'attached' });
      const fields = await page
        .locator('input, select, textarea')
        .evaluateAll((all) =>
          all
            .filter((one) => !['checkbox', 'radio', 'hidden'].includes((one as HTMLInputElement).type))
            .map((one) => [one.getAttribute('aria-label') ?? one.id, Number.parseFloat(getComputedStyle(one).fontSize)] as const),
        );
      for (const [name, size] of fields) expect(size, `${where}: ${name}`).toBeGreaterThanOrEqual(16);
      seen.push(...fields.map(() => where));
    };
    const page = await openTab(context, hub.url, problems);
    await look(page, 'guest');
    const other = await openTab(await newPerson(browser, PHONE), hub.url, problems);
    await askForCode(other, 'ann@corp.test');
    await look(other, 'code');
    await page.getByLabel('Nickname').fill('Ann');
    await page.keyboard.press('Enter');
    await inChat(page);
    await look(page, 'chat');
    await goTo(page, '#/');
    await page.getByRole('button', { name: 'New group' }).click();
    await look(page, 'new group');
    for (const [where, path] of [
      ['agent', `${hub.url}/agent`],
      ['widget', `${hub.url}/widget.html`],
      ['admin', `http://127.0.0.1:${hub.adminPort}/admin/`],
    ] as const) {
      await look(await openTab(context, path, problems), where);
    }
    expect([...new Set(seen)]).toEqual(['guest', 'code', 'chat', 'new group', 'agent', 'widget', 'admin']);
  });
});

describe('a room with many new messages', () => {
  it('opens at the first of them, and says how many are below', async () => {
    const page = await person('Reader');
    await page.locator('main[data-room="park"][data-state="open"]').waitFor();
    await busy('park', 1, 30);
    await line(page, 'line 30').waitFor();
    await goTo(page, '#/pair');
    await busy('park', 31, 90);
    await unread(page, 'nav a[data-room="park"]', 60);
    await openEntry(page, 'nav a[data-room="park"]');
    await page.locator('[data-new-line]').waitFor();
    await expect.poll(() => inView(page, '[data-new-line]')).toBe(true);
    expect(await page.locator('[data-new-line] + li').textContent()).toContain('line 31');
    expect(await inView(page, 'main li[data-key]:last-child')).toBe(false);
    const below = page.locator('[data-new-below]');
    await expect.poll(async () => Number(await below.getAttribute('data-new-below'))).toBeGreaterThan(30);
    await screenshot(page, 'conversation-opens-at-new');
    // Only what is not seen yet is counted, and what arrives meanwhile.
    const before = Number(await below.getAttribute('data-new-below'));
    expect(before).toBeLessThan(60);
    await busy('park', 91, 92);
    await expect.poll(async () => Number(await below.getAttribute('data-new-below'))).toBe(before + 2);
    expect(await below.textContent()).toBe(`${before + 2} new messages below`);
    expect(await inView(page, '[data-new-line]')).toBe(true);
    await below.focus();
    await page.keyboard.press('Enter');
    await below.waitFor({ state: 'detached' });
    expect(await inView(page, 'main li[data-key]:last-child')).toBe(true);
  });

  it('of a group, over a reload: it leads to the first of 300, and on from there to the newest', async () => {
    const [ann, bob] = [await person('Ann'), await person('Bob')];
    await ann.locator('aside [data-person="Bob"]').waitFor();
    const room = await makeGroup(ann, 'Busy', [bob]);
    const entry = `nav a[data-room="${room}"]`;
    await openEntry(bob, entry);
    await say(ann, 'read');
    await line(bob, 'read').waitFor();
    await until(async () => (await database.query('SELECT 1 FROM cursors WHERE room = $1 AND delivered = 1', [room])).length > 0, {
      timeoutMs: PATIENCE_MS,
    });
    await goTo(bob, '#/pair');
    await busy(room, 1, 300);
    await unread(bob, entry, 300);
    await bob.reload();
    await inChat(bob);
    await unread(bob, entry, 300);
    await bob.evaluate((hash) => location.assign(hash), `#/room/${encodeURIComponent(room)}`);
    const lead = bob.getByRole('button', { name: 'To the first of 300 new messages' });
    await lead.waitFor();
    await screenshot(bob, 'conversation-first-of-300');
    expect(await bob.locator('[data-new-line]').count()).toBe(0);
    await lead.focus();
    await bob.keyboard.press('Enter');
    await bob.locator('[data-new-line]').waitFor();
    await expect.poll(() => inView(bob, '[data-new-line]')).toBe(true);
    expect(await bob.locator('[data-new-line] + li').textContent()).toContain('line 1');
    await lead.waitFor({ state: 'detached' });
    await screenshot(bob, 'conversation-led');
    // The way down: page by page, each line once.
    const scroller = bob.locator('main section');
    const read = new Set<string>();
    await until(
      async () => {
        for (const text of await conversation(bob)) read.add(text);
        await scroller.evaluate((element) => element.scrollTo(0, element.scrollHeight));
        return (await conversation(bob)).at(-1) === 'line 300' && (await inView(bob, 'main li[data-key]:last-child'));
      },
      { timeoutMs: PATIENCE_MS },
    );
    for (const text of await conversation(bob)) read.add(text);
    expect([...read]).toEqual(['read', ...Array.from({ length: 300 }, (_, n) => `line ${n + 1}`)]);
    await say(ann, 'at the end');
    await line(bob, 'at the end').waitFor();
    await expect.poll(() => inView(bob, 'main li[data-key]:last-child')).toBe(true);
  });

  it('is open at once after hours in the background: the page keeps 100 messages of it', async () => {
    const page = await person('Reader');
    await page.locator('main[data-room="park"][data-state="open"]').waitFor();
    await goTo(page, '#/pair');
    await busy('park', 1, 600);
    await page.locator('nav a[data-room="park"]', { hasText: 'line 600' }).waitFor();
    await openEntry(page, 'nav a[data-room="park"]');
    await line(page, 'line 600').waitFor();
    const texts = await conversation(page);
    expect([texts.length, texts.at(-1)]).toEqual([100, 'line 600']);
    await page.getByRole('button', { name: 'To the first of 600 new messages' }).click();
    await page.locator('[data-new-line]').waitFor();
    // What is read back is in place of what was there.
    expect((await conversation(page)).length).toBeLessThanOrEqual(300);
    await write(page, 'my own');
    await line(page, 'my own', 'stored').waitFor();
    expect((await conversation(page)).slice(-2)).toEqual(['line 600', 'my own']);
    expect((await conversation(page)).length).toBeLessThanOrEqual(300);
  });
});

describe('on a phone', () => {
  it('a direct message shows in every room: a notice below the header that goes by itself, and a count at the way back', async () => {
    const [ann, bob] = [await person('Ann', PHONE), await person('Bob')];
    await ann.locator('main[data-room="park"][data-state="open"]').waitFor();
    await bob.getByRole('button', { name: 'Write to Ann', exact: true }).click();
    // Each thing that a screen reader would read.
    await ann.evaluate(() => {
      const spoken: string[] = [];
      Object.assign(globalThis, { spoken });
      const region = document.querySelector('section[aria-live="polite"]');
      if (region === null) throw new TypeError('there is no live region');
      new MutationObserver((all) => {
        for (const { addedNodes } of all) for (const node of addedNodes) spoken.push(node.textContent ?? '');
      }).observe(region, { childList: true, subtree: true, characterData: true });
    });
    await say(bob, 'are you there?');
    const notice = await heldNotice(ann, 'message', 'are you there?');
    const header = await ann.locator('main header').boundingBox();
    expect((await notice.boundingBox())?.y).toBeGreaterThanOrEqual((header?.y ?? 0) + (header?.height ?? 0));
    await ann.getByRole('link', { name: 'Back to the rooms: 1 new message' }).waitFor();
    // One whole pill.
    expect(await ann.locator('main header [data-unread="1"]').evaluate((mark) => mark.getClientRects().length)).toBe(1);
    await screenshot(ann, 'conversation-phone-direct');
    expect(await ann.evaluate(() => Reflect.get(globalThis, 'spoken'))).toEqual([expect.stringContaining('Bob guest: are you there?')]);
    await ann.mouse.move(1, 600);
    await notice.waitFor({ state: 'detached' });
    await say(bob, 'hello?');
    await (await heldNotice(ann, 'message', 'hello?')).getByRole('button', { name: 'Open' }).focus();
    await ann.keyboard.press('Enter');
    await line(ann, 'hello?').waitFor();
    await ann.locator('[data-notice]').waitFor({ state: 'detached' });
    await ann.getByRole('link', { name: 'Back to the rooms', exact: true }).waitFor();
  });

  it('the list of people closes by Escape and by a press outside; its button has the focus then', async () => {
    const page = await person('Ann', PHONE);
    const button = page.getByRole('button', { name: /^Who is here/ });
    const panel = page.getByRole('complementary', { name: 'People' });
    const hasFocus = () => button.evaluate((element) => element === document.activeElement);
    await button.click();
    await panel.waitFor();
    await page.keyboard.press('Escape');
    await panel.waitFor({ state: 'detached' });
    expect(await hasFocus()).toBe(true);
    await button.click();
    await panel.click({ position: { x: 40, y: 300 } });
    expect(await panel.isVisible()).toBe(true);
    await page.locator('main section').click({ position: { x: 10, y: 200 } });
    await panel.waitFor({ state: 'detached' });
    expect(await hasFocus()).toBe(true);
    await button.press('Enter');
    await panel.getByRole('button', { name: 'Close' }).press('Enter');
    await panel.waitFor({ state: 'detached' });
    expect(await hasFocus()).toBe(true);
  });
});

describe('what is said twice', () => {
  it('is read out twice', async () => {
    const [ann, bob] = [await person('Ann'), await person('Bob')];
    await say(bob, 'begin');
    await line(ann, 'begin').waitFor();
    await ann.evaluate(() => {
      const spoken: string[] = [];
      Object.assign(globalThis, { spoken });
      const region = document.querySelector('main [role="log"]');
      if (region === null) throw new TypeError('there is no live region');
      new MutationObserver((all) => {
        for (const { addedNodes } of all) for (const node of addedNodes) spoken.push(node.textContent ?? '');
      }).observe(region, { childList: true, subtree: true, characterData: true });
    });
    for (let times = 1; times <= 2; times += 1) {
      await write(bob, 'ok');
      await expect.poll(() => ann.evaluate(() => Reflect.get(globalThis, 'spoken'))).toEqual(Array(times).fill('Bob guest: ok'));
    }
  });
});

describe('an image', () => {
  it.each(['paste', 'drop'] as const)('that somebody tries to %s is refused in words, each time', async (way) => {
    const page = await person('Ann');
    await field(page).fill('look: ');
    const attempt = () =>
      field(page).evaluate((element, type) => {
        const data = new DataTransfer();
        data.items.add(new File(['x'], 'duck.png', { type: 'image/png' }));
        const options = { bubbles: true, cancelable: true };
        const event =
          type === 'paste'
            ? new ClipboardEvent(type, { ...options, clipboardData: data })
            : new DragEvent(type, { ...options, dataTransfer: data });
        return !element.dispatchEvent(event);
      }, way);
    expect(await attempt()).toBe(true);
    const told = page.getByText('Images and files cannot be sent, only text.');
    await told.waitFor();
    await screenshot(page, `conversation-image-${way}`);
    const first = await told.elementHandle();
    expect(await attempt()).toBe(true);
    // Another element, so that it is read out again.
    await expect.poll(() => first?.evaluate((element) => element.isConnected)).toBe(false);
    await told.waitFor();
    await field(page).press('End');
    await page.keyboard.type('a duck');
    await told.waitFor({ state: 'detached' });
    expect(await field(page).inputValue()).toBe('look: a duck');
  });
});

describe('what is not sent yet', () => {
  it('[M2] outlives a reload: drafts of each room, and messages, which are sent once; a logout drops all', async () => {
    let lost = 0;
    let isLossy = false;
    const ann = await comeIn({ browser, url: hub.url, problems }, 'Ann', {}, (tab) =>
      tab.routeWebSocket(/\/ws\/chat/, (socket) => {
        const there = socket.connectToServer();
        there.onMessage((message) => {
          const isAck = (JSON.parse(String(message)) as { readonly type: string }).type === 'ack';
          if (isAck && isLossy) lost += 1;
          else socket.send(message);
        });
      }),
    );
    const bob = await person('Bob');
    const room = await makeGroup(ann, 'Tunnel', []);
    await field(ann).fill('half a tho');
    await goTo(ann, '#/room/park');
    // The hub gets them, and its answers are lost.
    isLossy = true;
    await write(ann, 'sent into the dark');
    await write(ann, 'and one more');
    await line(bob, 'and one more').waitFor();
    await line(ann, 'and one more', 'pending').waitFor();
    await field(ann).fill('a draft of the park');
    expect(lost).toBeGreaterThan(0);
    isLossy = false;
    await ann.reload();
    await inChat(ann);
    for (const text of ['sent into the dark', 'and one more']) await line(ann, text, 'stored').waitFor();
    expect(await field(ann).inputValue()).toBe('a draft of the park');
    for (const page of [ann, bob]) expect((await conversation(page)).slice(-2)).toEqual(['sent into the dark', 'and one more']);
    await goTo(ann, `#/room/${encodeURIComponent(room)}`);
    expect(await field(ann).inputValue()).toBe('half a tho');
    await screenshot(ann, 'conversation-draft');
    expect(await ann.evaluate(() => Object.values(sessionStorage).some((value) => value.includes('half a tho')))).toBe(true);
    await ann.getByRole('button', { name: 'Log out' }).click();
    await ann.getByLabel('Nickname').waitFor();
    expect(await ann.evaluate(() => Object.values(sessionStorage).some((value) => value.includes('half a tho')))).toBe(false);
    await ann.getByLabel('Nickname').fill('Eve');
    await ann.keyboard.press('Enter');
    await ann.locator('[data-chat="#/room/park"]').waitFor();
    expect(await field(ann).inputValue()).toBe('');
  });

  it('makes the browser ask before it leaves, where it may store nothing', async () => {
    const asked: string[] = [];
    const page = await comeIn({ browser, url: hub.url, problems }, 'Ann', {}, async (tab) => {
      tab.removeAllListeners('dialog');
      tab.on('dialog', (dialog) => {
        asked.push(dialog.type());
        void dialog.accept();
      });
      await tab.addInitScript(() => {
        Object.defineProperty(globalThis, 'sessionStorage', {
          get: () => {
            throw new DOMException('storage is forbidden', 'SecurityError');
          },
        });
      });
    });
    await field(page).click();
    await page.keyboard.type('hello');
    await page.reload();
    await inChat(page);
    expect(asked).toEqual(['beforeunload']);
    await field(page).click();
    await page.keyboard.type('hello');
    await page.keyboard.press('Enter');
    await line(page, 'hello', 'stored').waitFor();
    await page.reload();
    await inChat(page);
    expect(asked).toEqual(['beforeunload']);
  });
});
