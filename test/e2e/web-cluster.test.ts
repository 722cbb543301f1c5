/** The pages against a hub of several processes: whoever talks here is on another gateway than whoever listens. */
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { askForCode, connected, launchBrowser, newPerson, openTab, PATIENCE_MS, screenshot, shows } from '#test/support/browser.ts';
import {
  anotherTab,
  comeIn,
  conversation,
  converses,
  delivered,
  goTo,
  heldNotice,
  inChat,
  line,
  makeGroup,
  mayBeFound,
  nobodyOnline,
  openEntry,
  say,
  unread,
} from '#test/support/chat-page.ts';
import { until } from '#test/support/wait.ts';
import { WebCluster } from '#test/support/web-cluster.ts';

const KEY = 'a-key-of-the-tests-0123456789abcdef';

let browser: Browser;
let cluster: WebCluster;
const problems: string[] = [];

beforeAll(async () => {
  [browser, cluster] = await Promise.all([launchBrowser(), WebCluster.start({ ALLOW_GUESTS: 'on', API_KEYS: `tests:${KEY}` })]);
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
  await cluster?.stop();
});

const person = (name: string, options: BrowserContextOptions = {}): Promise<Page> =>
  comeIn({ browser, url: cluster.url, problems }, name, options);

/** Two people, each on a gateway of their own, who see each other in the park. */
async function apart(one: string, other: string): Promise<[Page, Page]> {
  const [first, second] = [await person(one), await person(other)];
  await cluster.spread(1, 1);
  await first.locator(`aside [data-person="${other}"]`).waitFor();
  await second.locator(`aside [data-person="${one}"]`).waitFor();
  return [first, second];
}

describe('on two gateways', () => {
  it('[A1] [A2] [A3] [A4] one registers by a code that a worker mails, stays in over a reload, and comes back by name', async () => {
    const page = await openTab(await newPerson(browser), cluster.url, problems);
    const code = async (): Promise<void> => {
      await page.getByLabel('Code', { exact: true }).fill((await cluster.mail.next('ann@corp.test', PATIENCE_MS)).code);
      await page.keyboard.press('Enter');
    };
    await askForCode(page, 'ann@corp.test');
    // The mail is in nobody's mailbox here.
    expect(await page.getByRole('link', { name: 'read it here' }).count()).toBe(0);
    await screenshot(page, 'cluster-code');
    await code();
    await page.getByLabel('Your name', { exact: true }).fill('Ann of Mail');
    await page.keyboard.press('Enter');
    await connected(page);
    // The other gateway's turn.
    await page.reload();
    await connected(page);
    await shows(page, '#me', 'You are Ann of Mail');
    await page.getByRole('button', { name: 'Log out' }).click();
    await askForCode(page, 'ann of mail');
    await code();
    await connected(page);
    await shows(page, '#me', 'You are Ann of Mail');
  });

  it('[P1] [P2] three tabs of one person are one, wherever they are', async () => {
    const ann = await person('Ann');
    const bob = await person('Bob');
    const tabs = [bob];
    for (let n = 0; n < 2; n += 1) tabs.push(await anotherTab(bob.context(), { browser, url: cluster.url, problems }));
    await cluster.spread(2, 2);
    const carol = await person('Carol');
    // A count that had passed 3 on its way would have been pushed before this one.
    for (const page of [ann, carol]) {
      await page.locator('nav [data-online="3"]').waitFor();
      await page.locator('main [data-here="3"]').waitFor();
      expect(await page.locator('aside [data-person="Bob"]').count()).toBe(1);
    }
    await screenshot(ann, 'cluster-tabs');
    for (const tab of tabs) await tab.close();
    await ann.locator('aside [data-person="Bob"]').waitFor({ state: 'detached' });
    await ann.locator('nav [data-online="2"]').waitFor();
    await ann.locator('main [data-here="2"]').waitFor();
  });

  it('[A8] [M4] a group is made, joined, and written in; what is new is marked, and stays read over a reload', async () => {
    const [ann, bob] = await apart('Ann', 'Bob');
    const room = await makeGroup(ann, 'Ducks', []);
    const entry = `a[data-room="${room}"]`;
    const added = await heldNotice(bob, 'added', 'Ducks');
    await say(ann, 'one');
    await say(ann, 'two');
    await unread(bob, entry, 2);
    await expect.poll(() => bob.title()).toBe('(2) Parley');
    await screenshot(bob, 'cluster-group-unread');
    await added.getByRole('button', { name: 'Open' }).click();
    await converses(bob, ['one', 'two']);
    await unread(bob, entry, 0);
    await bob.locator('aside [data-person="Ann"]').waitFor();
    for (let n = 3; n < 9; n += 1) await say(n % 2 === 0 ? ann : bob, `line ${n}`);
    await line(ann, 'line 7').waitFor();
    await line(bob, 'line 8').waitFor();
    const all = ['one', 'two', ...Array.from({ length: 6 }, (_, n) => `line ${n + 3}`)];
    for (const page of [ann, bob]) await converses(page, all);
    await screenshot(ann, 'cluster-group');
    await delivered(cluster.hub.database, room, 'Bob', all.length);
    await cluster.spread(1, 1);
    await goTo(bob, '#/room/park');
    await say(ann, 'later');
    await unread(bob, entry, 1);
    await bob.reload();
    await inChat(bob);
    await unread(bob, entry, 1);
    await bob.locator(entry).click();
    await converses(bob, [...all, 'later']);
    await unread(bob, entry, 0);
  });

  it('[R5] [M6] direct messages arrive at once, and wait for who is away', async () => {
    const [ann, bob] = await apart('Nora', 'Otto');
    await ann.getByRole('button', { name: 'Write to Otto', exact: true }).click();
    await ann.getByRole('heading', { name: 'Otto', exact: true }).waitFor();
    const entry = 'nav a[data-room^="dm:"]:has-text("Nora")';
    await say(ann, 'hello');
    await unread(bob, entry, 1);
    await openEntry(bob, entry);
    await say(bob, 'hello back');
    for (const page of [ann, bob]) await converses(page, ['hello', 'hello back']);
    await bob.locator('main header').getByText('Online').waitFor();
    const field = ann.getByLabel('Message', { exact: true });
    // Told at most once a second: whoever goes on typing is seen.
    await until(
      async () => {
        await field.press('x');
        return bob.getByText('Nora guest is typing…').isVisible();
      },
      { timeoutMs: PATIENCE_MS, everyMs: 200 },
    );
    await screenshot(bob, 'cluster-direct');
    await field.fill('');
    await delivered(cluster.hub.database, 'dm:%', 'Otto', 2);
    const away = bob.context();
    await bob.close();
    await ann.locator('main header').getByText('Offline').waitFor();
    await say(ann, 'while you were away');
    const back = await anotherTab(away, { browser, url: cluster.url, problems });
    await unread(back, entry, 1);
    await openEntry(back, entry);
    await converses(back, ['hello', 'hello back', 'while you were away']);
    await unread(back, entry, 0);
  });

  it('[A9] two are paired, see how long, choose to keep the history, and one of them ends it', async () => {
    const [ann, bob] = await apart('Ann', 'Bob');
    await mayBeFound(bob);
    await ann.getByRole('link', { name: /^Partner/ }).click();
    await ann.getByLabel('Keep the history').check();
    await ann.getByRole('button', { name: 'Find a partner' }).click();
    await ann.getByRole('heading', { name: 'Bob', exact: true }).waitFor();
    const paired = await heldNotice(bob, 'paired', 'You were paired with Ann guest.');
    await paired.getByRole('button', { name: 'Open' }).click();
    await bob.getByRole('heading', { name: 'Ann', exact: true }).waitFor();
    for (const page of [ann, bob])
      await page
        .getByText(/2[34] h/)
        .first()
        .waitFor();
    await ann.getByText('History is kept once both ask for it').waitFor();
    await bob.getByRole('button', { name: 'Keep the history' }).click();
    await bob.getByText('History is kept', { exact: true }).waitFor();
    await say(ann, 'first');
    await say(bob, 'second');
    for (const page of [ann, bob]) await converses(page, ['first', 'second']);
    await screenshot(bob, 'cluster-pair');
    await bob.reload();
    await inChat(bob);
    await converses(bob, ['first', 'second']);
    await bob.getByRole('button', { name: 'End chat' }).click();
    await bob.getByRole('button', { name: 'End it for both?' }).click();
    await bob.getByText('You ended this chat.').waitFor();
    await ann.getByText('This chat has ended.').waitFor();
    await screenshot(ann, 'cluster-pair-over');
    for (const page of [ann, bob]) expect(await page.getByLabel('Message', { exact: true }).count()).toBe(0);
  });

  it('[A9] who waits is found by who comes later, on the other gateway', async () => {
    const lone = await person('Lone');
    await goTo(lone, '#/pair');
    await lone.getByRole('button', { name: 'Find a partner' }).click();
    await lone.locator('[data-pair-state="waiting"]').waitFor();
    const late = await person('Late');
    await cluster.spread(1, 1);
    await mayBeFound(late);
    await lone.getByRole('heading', { name: 'Late', exact: true }).waitFor();
    await (await heldNotice(late, 'paired')).getByRole('button', { name: 'Open' }).click();
    await say(lone, 'there you are');
    await converses(late, ['there you are']);
  });

  it('[M5] what was said before loads while one scrolls up, to the beginning', async () => {
    const lines = Array.from({ length: 230 }, (_, n) => `old line ${n}`);
    for (let at = 0; at < lines.length; at += 50) {
      const response = await fetch(`${cluster.url}/api/v1/batch`, {
        method: 'POST',
        headers: { authorization: `Bearer ${KEY}`, 'content-type': 'application/json' },
        body: JSON.stringify({ commands: lines.slice(at, at + 50).map((text) => ({ command: 'publish', room: 'park', text })) }),
      });
      expect(response.status).toBe(200);
    }
    // One on each gateway: both have all of it.
    for (const name of ['Reader', 'Also']) {
      const page = await person(name);
      await line(page, 'old line 229').waitFor();
      expect(await line(page, 'old line 129').count()).toBe(0);
      const scroller = page.getByRole('region', { name: 'Messages in Park' });
      await until(
        async () => {
          await scroller.evaluate((element) => element.scrollTo(0, 0));
          return page.getByText('This is the beginning of the conversation.').isVisible();
        },
        { timeoutMs: PATIENCE_MS },
      );
      expect((await conversation(page)).filter((text) => text.startsWith('old line'))).toEqual(lines);
      await screenshot(page, 'cluster-history');
    }
    await cluster.spread(1, 1);
  });
});
