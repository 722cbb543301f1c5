import type { BrowserContextOptions, Page } from 'playwright-core';
import { beforeEach, describe, expect, it } from 'vitest';
import { PATIENCE_MS, screenshot } from '#test/support/browser.ts';
import {
  anotherTab,
  comeIn,
  converses,
  delivered,
  goTo,
  inChat,
  line,
  nobodyOnline,
  openEntry,
  say,
  unread,
} from '#test/support/chat-page.ts';
import { until } from '#test/support/wait.ts';
import { WebStage } from '#test/support/web-stage.ts';

const stage = WebStage.forFile();
const { problems } = stage;

beforeEach(() => nobodyOnline(stage.hub.url));

const person = (name: string, options: BrowserContextOptions = {}): Promise<Page> =>
  comeIn({ browser: stage.browser, url: stage.hub.url, problems }, name, options);

/** The entry of direct messages with somebody. */
const entry = (name: string) => `nav a[data-room^="dm:"]:has-text("${name}")`;

/** From the people in the park to a conversation with one of them. */
async function writeTo(page: Page, name: string): Promise<void> {
  await page.getByRole('button', { name: `Write to ${name}`, exact: true }).click();
  await page.getByRole('heading', { name, exact: true }).waitFor();
}

describe('direct messages', () => {
  it('[R5] begin with somebody in the park, and both read the same', async () => {
    const [ann, bob] = [await person('Ann'), await person('Bob')];
    await writeTo(ann, 'Bob');
    await ann.getByText('Nothing said yet. Say hello to Bob guest!').waitFor();
    await screenshot(ann, 'direct-empty');
    await say(ann, 'hello <b>you</b>');
    await unread(bob, entry('Ann'), 1);
    await bob.locator(`${entry('Ann')}:has-text("hello <b>you</b>")`).waitFor();
    await openEntry(bob, entry('Ann'));
    await unread(bob, entry('Ann'), 0);
    await say(bob, 'hello back');
    await say(ann, 'nobody reads along');
    for (const page of [ann, bob]) await converses(page, ['hello <b>you</b>', 'hello back', 'nobody reads along']);
    await bob.locator('main header').getByText('Online').waitFor();
    await screenshot(bob, 'direct-wide');
    // Typing is told to the other one alone.
    const field = bob.getByLabel('Message', { exact: true });
    await until(
      async () => {
        await field.press('x');
        return ann.getByText('Bob guest is typing…').isVisible();
      },
      { timeoutMs: PATIENCE_MS, everyMs: 200 },
    );
  });

  it('[M6] wait for who is away, and are new until they are read, once', async () => {
    const [ann, bob] = [await person('Nora'), await person('Otto')];
    await writeTo(ann, 'Otto');
    await say(ann, 'first');
    await openEntry(bob, entry('Nora'));
    await converses(bob, ['first']);
    await delivered(stage.database, 'dm:%', 'Otto', 1);
    const person2 = bob.context();
    await bob.close();
    await ann.locator('main header').getByText('Offline').waitFor();
    await say(ann, 'while you were away');
    await say(ann, 'and one more');
    const back = await anotherTab(person2, { browser: stage.browser, url: stage.hub.url, problems });
    await unread(back, entry('Nora'), 2);
    await expect.poll(() => back.title()).toBe('(2) Parley');
    await screenshot(back, 'direct-unread');
    // Looked at nowhere: it stays new.
    await back.reload();
    await inChat(back);
    await unread(back, entry('Nora'), 2);
    await openEntry(back, entry('Nora'));
    await converses(back, ['first', 'while you were away', 'and one more']);
    await unread(back, entry('Nora'), 0);
    await delivered(stage.database, 'dm:%', 'Otto', 3);
    await back.reload();
    await inChat(back);
    await converses(back, ['first', 'while you were away', 'and one more']);
    await unread(back, entry('Nora'), 0);
  });

  it('go on in another tab of the same person', async () => {
    const [ann, bob] = [await person('Ida'), await person('Jon')];
    await writeTo(ann, 'Jon');
    await say(ann, 'from the first tab');
    const second = await anotherTab(ann.context(), { browser: stage.browser, url: stage.hub.url, problems });
    await openEntry(second, entry('Jon'));
    await say(second, 'from the second tab');
    await line(ann, 'from the second tab', 'stored').waitFor();
    await openEntry(bob, entry('Ida'));
    await converses(bob, ['from the first tab', 'from the second tab']);
  });

  it('are not said to be none while the list of rooms is on its way', async () => {
    const page = await person('Ann');
    const asked = Promise.withResolvers<void>();
    await page.route(
      ({ pathname }) => pathname.endsWith('/api/v1/rooms'),
      async (route) => {
        await asked.promise;
        await route.continue();
      },
    );
    await page.reload();
    const list = page.getByRole('navigation', { name: 'Rooms' });
    await expect.poll(() => list.getByText('Loading…').count()).toBe(2);
    expect(await list.getByText('No groups yet.').count()).toBe(0);
    asked.resolve();
    await list.getByText('No groups yet.').waitFor();
    expect(await list.getByText('Loading…').count()).toBe(0);
  });

  it('with nobody who was ever here say so, and fit a small telephone', async () => {
    const page = await person('Ann', { viewport: { width: 360, height: 640 }, isMobile: true, hasTouch: true });
    await goTo(page, '#/dm/00000000-0000-4000-8000-000000000000');
    // Nobody says hello to somebody who may not exist.
    await page.getByText('You have not met here yet. Your first message tells').waitFor();
    expect(await page.getByText('Say hello').count()).toBe(0);
    await screenshot(page, 'direct-unknown');
    await page.getByLabel('Message', { exact: true }).fill('anybody?');
    await page.getByRole('button', { name: 'Send' }).click();
    await page.getByText('This person cannot be found any more. Choose somebody else.').waitFor();
    await screenshot(page, 'direct-small-unknown');
    expect(await page.evaluate(() => document.documentElement.scrollWidth > innerWidth)).toBe(false);
    await page.getByRole('button', { name: 'Discard' }).click();
    await page.locator('main li[data-key]').waitFor({ state: 'detached' });
  });
});
