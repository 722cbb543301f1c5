import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { AllInOne } from '#test/support/all-in-one.ts';
import { launchBrowser, PATIENCE_MS, screenshot } from '#test/support/browser.ts';
import {
  comeIn,
  conversation,
  converses,
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
import { freePort } from '#test/support/free-port.ts';
import { groups } from '#test/support/groups.ts';
import { askedForNotifications, clickNotification, hide, playNotifications, shownNotifications } from '#test/support/notifications.ts';
import { PostgresDatabase } from '#test/support/postgres.ts';
import { TcpProxy } from '#test/support/tcp-proxy.ts';
import { until } from '#test/support/wait.ts';

const KEY = 'a-key-of-the-tests-0123456789abcdef';

let browser: Browser;
let hub: AllInOne;
let database: PostgresDatabase;
const problems: string[] = [];

beforeAll(async () => {
  database = await PostgresDatabase.create();
  [browser, hub] = await Promise.all([launchBrowser(), AllInOne.start({ DATABASE_URL: database.url, API_KEYS: `tests:${KEY}` })]);
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

const person = (name: string, options: BrowserContextOptions = {}, url = hub.url): Promise<Page> =>
  comeIn({ browser, url, problems }, name, options);

/** A call of the API with the key of a service. */
async function service(path: string, body: object): Promise<void> {
  const response = await fetch(`${hub.url}/api/v1${path}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${KEY}`, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  expect(response.ok).toBe(true);
}

describe('the list of rooms', () => {
  it('[A16] reaches what is beyond its first page, also by keyboard', async () => {
    const page = await person('Reader of many');
    const found = async () => (await database.query("SELECT user_id FROM seen WHERE name = 'Reader of many'"))[0]?.['user_id'];
    await until(async () => (await found()) !== undefined, { timeoutMs: PATIENCE_MS, describe: 'the reader was seen' });
    await groups(database, String(await found()), 501);
    await page.reload();
    await inChat(page);
    const entries = page.locator('nav a[data-room^="group:"]');
    await expect.poll(() => entries.count()).toBe(500);
    const more = page.getByRole('button', { name: 'More rooms and people' });
    await more.focus();
    await page.keyboard.press('Enter');
    await more.waitFor({ state: 'detached' });
    expect(await entries.locator('span', { hasText: /^Group \d+$/ }).allTextContents()).toHaveLength(501);
    await page.getByText('Group 1', { exact: true }).waitFor();
    // What is read again is as long as it was.
    await page.evaluate(() => location.assign('#/pair'));
    const group = await makeGroup(page, 'The newest', []);
    await page.locator(`a[data-room="${group}"]`).waitFor();
    await expect.poll(() => entries.count()).toBe(502);
  });
});

describe('what was said before', () => {
  it('[M5] loads while one scrolls up, keeps its place, and ends at the beginning', async () => {
    const lines = Array.from({ length: 230 }, (_, n) => `old line ${n}`);
    for (let at = 0; at < lines.length; at += 50) {
      const commands = lines.slice(at, at + 50).map((text) => ({ command: 'publish', room: 'park', text }));
      await service('/batch', { commands });
    }
    const { promise: mayLoad, resolve: load } = Promise.withResolvers<void>();
    const page = await comeIn({ browser, url: hub.url, problems }, 'Reader', {}, (tab) =>
      tab.routeWebSocket(/\/ws\/chat/, (socket) => {
        const there = socket.connectToServer();
        socket.onMessage((message) => {
          const { type } = JSON.parse(String(message)) as { type: string };
          if (type === 'history') void mayLoad.then(() => there.send(message));
          else there.send(message);
        });
      }),
    );
    await line(page, 'old line 229').waitFor();
    const scroller = page.getByRole('region', { name: 'Messages in Park' });
    await scroller.evaluate((element) => element.scrollTo(0, 0));
    await page.getByLabel('Loading…').waitFor();
    const top = async () => (await line(page, 'old line 130').boundingBox())?.y ?? 0;
    const before = await top();
    expect(await line(page, 'old line 129').count()).toBe(0);
    load();
    await line(page, 'old line 129').waitFor();
    expect(Math.abs((await top()) - before)).toBeLessThan(3);
    await screenshot(page, 'room-history');
    await until(
      async () => {
        await scroller.evaluate((element) => element.scrollTo(0, 0));
        return page.getByText('This is the beginning of the conversation.').isVisible();
      },
      { timeoutMs: PATIENCE_MS },
    );
    expect((await conversation(page)).filter((text) => text.startsWith('old line'))).toEqual(lines);
    await page.getByRole('button', { name: 'To the latest messages' }).click();
    await until(() => line(page, 'old line 229').isVisible());
  });

  it('has a mark for each day', async () => {
    const ann = await person('Ann');
    await say(ann, 'said today');
    await ann.getByText('Today', { exact: true }).waitFor();
    const tomorrow = await person('Tom');
    await tomorrow.clock.setSystemTime(Date.now() + 86_400_000);
    await goTo(tomorrow, '#/pair');
    await goTo(tomorrow, '#/room/park');
    await line(tomorrow, 'said today').waitFor();
    await tomorrow.getByText('Yesterday', { exact: true }).waitFor();
    await tomorrow.clock.setSystemTime(Date.now() + 30 * 86_400_000);
    await goTo(tomorrow, '#/pair');
    await goTo(tomorrow, '#/room/park');
    await until(async () => /\d/.test((await tomorrow.locator('[data-day]').last().textContent()) ?? ''), { timeoutMs: PATIENCE_MS });
  });
});

describe('a message', () => {
  it('[M1] [M2] that the hub cannot store is told as that, and comes once when it can', async () => {
    const line5432 = new URL(database.url);
    const proxy = await TcpProxy.start({ target: Number(line5432.port) });
    line5432.port = String(proxy.port);
    const own = await AllInOne.start({ DATABASE_URL: line5432.href });
    try {
      const page = await person('Ann', {}, own.url);
      await page.locator('main[data-room="park"][data-state="open"]').waitFor();
      const before = (await conversation(page)).length;
      proxy.refuse();
      await write(page, 'keep this');
      await line(page, 'keep this', 'pending').waitFor();
      const again = page.getByRole('button', { name: 'Try again' });
      await again.waitFor();
      await page.getByText('The server could not save it. Try again.').waitFor();
      await screenshot(page, 'room-failed');
      proxy.heal();
      await again.click();
      await line(page, 'keep this', 'stored').waitFor();
      expect(await conversation(page)).toHaveLength(before + 1);
      await page.reload();
      await line(page, 'keep this', 'stored').waitFor();
      expect(await line(page, 'keep this').count()).toBe(1);
    } finally {
      await own.kill9();
      await proxy.stop();
    }
  });

  it('[M4] that may be missing is marked, where nothing is kept', async () => {
    const env = { PORT: String(await freePort()), DATABASE_URL: database.url };
    let own = await AllInOne.start(env);
    try {
      const page = await person('Ann', {}, own.url);
      await makeGroup(page, 'Forgetful', [], { keep: false });
      await say(page, 'soon forgotten');
      await own.kill9();
      await page.locator('#banner').waitFor();
      own = await AllInOne.start(env);
      await inChat(page);
      await page.locator('[data-gap]').waitFor();
      await say(page, 'on we go');
      await converses(page, ['soon forgotten', 'on we go']);
      await screenshot(page, 'room-gap');
    } finally {
      await own.kill9();
    }
  });
});

describe('a group', () => {
  it('[A8] is made with people one has met, who are told and see what is new', async () => {
    const [ann, bob] = [await person('Ann'), await person('<b>Bob</b>')];
    await ann.locator('aside [data-person="<b>Bob</b>"]').waitFor();
    const room = await makeGroup(ann, 'Ducks & <i>geese</i>', []);
    const added = await heldNotice(bob, 'added', 'Ducks & <i>geese</i>');
    await screenshot(bob, 'room-added');
    const entry = `a[data-room="${room}"]`;
    await say(ann, 'one');
    await say(ann, 'two');
    await unread(bob, entry, 2);
    await expect.poll(() => bob.title()).toBe('(2) Parley');
    await screenshot(bob, 'room-unread');

    await added.getByRole('button', { name: 'Open' }).click();
    await converses(bob, ['one', 'two']);
    await unread(bob, entry, 0);
    await expect.poll(() => bob.title()).toBe('Parley');
    await say(bob, 'three');
    await converses(ann, ['one', 'two', 'three']);

    await until(
      async () => {
        const rows = await database.query('SELECT delivered FROM cursors WHERE room = $1', [room]);
        return rows.filter((row) => Number(row['delivered']) === 3).length === 2;
      },
      { timeoutMs: PATIENCE_MS, describe: 'the hub knows what both have read' },
    );

    // What was read stays read; what comes while nobody is there waits.
    await goTo(bob, '#/room/park');
    await say(ann, 'four');
    await unread(bob, entry, 1);
    await bob.reload();
    await inChat(bob);
    await unread(bob, entry, 1);
    await bob.locator(entry).click();
    await bob.getByText('New messages', { exact: true }).waitFor();
    await screenshot(bob, 'room-new-line');
    await unread(bob, entry, 0);
    await until(
      async () => {
        await bob.reload();
        await inChat(bob);
        await bob.locator(entry).waitFor();
        return (await bob.locator(`${entry}:has([data-unread])`).count()) === 0;
      },
      { timeoutMs: PATIENCE_MS },
    );
  });

  it('[A8] is left by its members, and ended by its owner', async () => {
    const [ann, bob, carol] = [await person('Ann'), await person('Bob'), await person('Carol')];
    for (const name of ['Bob', 'Carol']) await ann.locator(`aside [data-person="${name}"]`).waitFor();
    const room = await makeGroup(ann, 'Pond', [bob, carol]);
    const entry = `a[data-room="${room}"]`;
    await bob.locator(entry).click();
    await bob.locator('aside [data-person="Carol"]').waitFor();
    await screenshot(ann, 'room-members');
    await bob.getByRole('button', { name: 'Leave the group' }).click();
    await bob.getByRole('button', { name: 'Leave', exact: true }).click();
    await bob.locator(entry).waitFor({ state: 'detached' });

    await openEntry(carol, entry);
    // It asks first. By keyboard, Escape closes the dialog and nothing else.
    const remove = ann.getByRole('button', { name: 'Remove Carol' });
    const dialog = ann.getByRole('dialog', { name: 'Remove Carol' });
    await remove.focus();
    await ann.keyboard.press('Enter');
    await dialog.waitFor();
    await screenshot(ann, 'room-take-out');
    await ann.keyboard.press('Escape');
    await dialog.waitFor({ state: 'detached' });
    await until(() => remove.evaluate((button) => button === document.activeElement), { describe: 'the focus is back' });
    expect(await carol.locator('main[data-state="open"]').count()).toBe(1);
    // What fails twice is read out twice: the same words are another element.
    const members = '**/members';
    await ann.route(members, (route) => route.abort());
    const attempt = async () => {
      await remove.click();
      await dialog.getByRole('button', { name: 'Remove', exact: true }).click();
      await dialog.waitFor({ state: 'detached' });
    };
    const failure = ann.locator('aside').getByRole('alert').getByText('The server cannot be reached.');
    await attempt();
    const first = await failure.elementHandle();
    await attempt();
    await expect.poll(() => first?.evaluate((element) => element.isConnected)).toBe(false);
    await failure.waitFor();
    await ann.unroute(members);
    await remove.focus();
    await ann.keyboard.press('Enter');
    await dialog.getByRole('button', { name: 'Remove', exact: true }).focus();
    await ann.keyboard.press('Enter');
    // Who was removed is back at the list, and reads why. The address of the room leads nowhere.
    await carol.locator('[data-notice="removed"]', { hasText: 'Pond' }).waitFor();
    await carol.locator(entry).waitFor({ state: 'detached' });
    await until(async () => new URL(carol.url()).hash === '#/', { timeoutMs: PATIENCE_MS, describe: 'the list of rooms' });
    await carol.goto(`${hub.url}/#/room/${encodeURIComponent(room)}`);
    await carol.reload();
    await carol.getByRole('heading', { name: 'There is no such room for you' }).waitFor();
    expect(await carol.getByText(room).count()).toBe(0);
    expect(await carol.getByText('Say something').count()).toBe(0);
    await screenshot(carol, 'room-none');
    await carol.getByRole('link', { name: 'Back to the rooms' }).focus();
    await carol.keyboard.press('Enter');
    await carol.getByRole('heading', { name: 'Park' }).waitFor();

    await ann.getByRole('button', { name: 'Add people' }).click();
    await ann.getByRole('checkbox', { name: 'Bob' }).check();
    await ann.getByRole('button', { name: 'Add', exact: true }).click();
    await openEntry(bob, entry);
    await say(bob, 'back again');
    await ann.getByRole('button', { name: 'Delete the group' }).click();
    await ann.getByRole('button', { name: 'Delete', exact: true }).click();
    await bob.getByText('This room is closed. Choose another one.').waitFor();
    expect(await bob.getByLabel('Message', { exact: true }).count()).toBe(0);
    await converses(bob, ['back again']);
    await ann.locator(entry).waitFor({ state: 'detached' });
  });
});

describe('what is told', () => {
  it('[A11] by a service is shown as it was written, and can be closed', async () => {
    const page = await person('Ann');
    await service('/push', { to: { all: true }, type: 'inform', body: 'Rain <b>at five</b>' });
    const notice = await heldNotice(page, 'inform', 'Rain <b>at five</b>');
    await screenshot(page, 'room-inform');
    await notice.getByRole('button', { name: 'Close' }).click();
    await notice.waitFor({ state: 'detached' });
  });

  it('while the page is hidden comes as a notification: asked for by a press, never at load; a click leads to the room', async () => {
    const [ann, bob] = [await person('Ann'), await person('Bob')];
    await ann.locator('aside [data-person="Bob"]').waitFor();
    const room = await makeGroup(ann, 'Night', [bob]);
    await playNotifications(bob);
    await bob.reload();
    await inChat(bob);
    expect(await askedForNotifications(bob)).toBe(0);
    await bob.getByRole('button', { name: 'Notify me of new messages' }).click();
    await bob.getByRole('button', { name: 'Notifications are on' }).waitFor();
    expect(await askedForNotifications(bob)).toBe(1);
    const shown = () => shownNotifications(bob);
    await say(ann, 'seen');
    await unread(bob, `a[data-room="${room}"]`, 1);
    await hide(bob, true);
    await say(ann, 'unseen <b>words</b>');
    await expect.poll(shown).toMatchObject([{ title: '[guest] Ann · Night', body: 'unseen <b>words</b>', tag: room }]);
    await goTo(ann, '#/room/park');
    await say(ann, 'nothing for him');
    await say(ann, 'something for bob');
    await expect.poll(shown).toMatchObject([{}, { title: '[guest] Ann', body: 'something for bob' }]);
    await hide(bob, false);
    await bob.evaluate(() => location.assign('#/pair'));
    await clickNotification(bob);
    await bob.locator('main[data-room="park"]').waitFor();
  });
});
