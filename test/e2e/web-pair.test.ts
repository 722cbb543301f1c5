import type { BrowserContextOptions, Page, WebSocketRoute } from 'playwright-core';
import { beforeEach, describe, expect, it } from 'vitest';
import { seriousFaults } from '#test/support/axe.ts';
import { PATIENCE_MS, screenshot } from '#test/support/browser.ts';
import { comeIn, converses, goTo, heldNotice, inChat, line, mayBeFound, nobodyOnline, say, unread } from '#test/support/chat-page.ts';
import { until } from '#test/support/wait.ts';
import { WebStage } from '#test/support/web-stage.ts';

const KEY = 'a-key-of-the-tests-0123456789abcdef';

const stage = WebStage.forFile({ API_KEYS: `tests:${KEY}` });
const { problems } = stage;

beforeEach(() => nobodyOnline(stage.hub.url));

const person = (name: string, options: BrowserContextOptions = {}): Promise<Page> =>
  comeIn({ browser: stage.browser, url: stage.hub.url, problems }, name, options);

const ENTRY = 'nav a[data-pair]';

/** Asks for a partner. */
async function find(page: Page, keepHistory = false): Promise<void> {
  await page.getByRole('link', { name: /^Partner/ }).click();
  if (keepHistory) await page.getByLabel('Keep the history').check();
  await page.getByRole('button', { name: 'Find a partner' }).click();
}

async function stopWaiting(page: Page): Promise<void> {
  await page.getByRole('button', { name: 'Stop waiting' }).click();
  await page.getByRole('button', { name: 'Find a partner' }).waitFor();
  await until(async () => (await stage.database.query('SELECT 1 FROM pair_queue')).length === 0, {
    timeoutMs: PATIENCE_MS,
    describe: 'nobody waits any more',
  });
}

const partner = (page: Page, name: string) => page.getByRole('heading', { name, exact: true }).waitFor();

describe('a pair', () => {
  it('[A9] of two who met: the other one is told, history is kept once both ask for it, and what one missed is there', async () => {
    const [ann, bob] = [await person('Ann'), await person('Bob')];
    await mayBeFound(bob);
    await find(ann, true);
    await partner(ann, 'Bob');
    const notice = await heldNotice(bob, 'paired', 'You were paired with Ann guest.');
    await screenshot(bob, 'pair-invited');
    await notice.getByRole('button', { name: 'Open' }).click();
    await partner(bob, 'Ann');
    await bob
      .getByText('23 h', { exact: false })
      .or(bob.getByText('24 h', { exact: false }))
      .first()
      .waitFor();
    await ann.getByText('History is kept once both ask for it').waitFor();
    await bob.getByText('Your partner would like to keep the history').waitFor();
    await screenshot(bob, 'pair-asked');
    for (const [page, wish] of [
      [ann, 'History is kept once both ask for it'],
      [bob, 'Your partner would like to keep the history'],
    ] as const) {
      await page.reload();
      await page.getByText(wish).waitFor();
    }
    // The pressed button goes. The messages have the focus then.
    await bob.getByRole('button', { name: 'Keep the history' }).press('Enter');
    await bob.locator('[data-messages]:focus').waitFor();
    for (const page of [bob, ann]) await page.getByText('History is kept', { exact: true }).waitFor();

    await say(ann, 'first');
    await line(bob, 'first').waitFor();
    await say(bob, 'second');
    for (const page of [ann, bob]) await converses(page, ['first', 'second']);
    await screenshot(ann, 'pair-wide');
    expect(await seriousFaults(ann)).toEqual([]);

    await goTo(bob, '#/room/park');
    await say(ann, 'are you there?');
    await unread(bob, ENTRY, 1);
    await bob.reload();
    await inChat(bob);
    await unread(bob, ENTRY, 1);
    await bob.locator(ENTRY).click();
    const all = ['first', 'second', 'are you there?'];
    await converses(bob, all);
    await unread(bob, ENTRY, 0);

    // What both kept stays in the list after the end.
    await ann.evaluate(() => {
      const spoken: string[] = [];
      Object.assign(globalThis, { spoken });
      new MutationObserver(() => spoken.push(document.querySelector('main [data-code]')?.textContent ?? '')).observe(document.body, {
        childList: true,
        subtree: true,
      });
    });
    await ann.getByRole('button', { name: 'End chat' }).press('Enter');
    await ann.getByRole('button', { name: 'End it for both?' }).press('Enter');
    await ann.getByText('You can read it for 30 days', { exact: false }).waitFor();
    await ann.locator('[data-messages]:focus').waitFor();
    expect(await ann.evaluate(() => (Reflect.get(globalThis, 'spoken') as string[]).join())).not.toContain('This room is closed');
    await bob.getByText('This chat has ended.').waitFor();
    await bob.reload();
    await inChat(bob);
    const kept = bob.getByRole('region', { name: 'Earlier partners' }).getByRole('link', { name: /Ann/ });
    await kept.focus();
    await bob.keyboard.press('Enter');
    await converses(bob, all);
    await bob.getByText('You can read it for 30 days', { exact: false }).waitFor();
    expect(await bob.getByLabel('Message', { exact: true }).count()).toBe(0);
    await screenshot(bob, 'pair-kept');
    // By its address alone, too.
    await bob.reload();
    await converses(bob, all);
  });

  it('[A9] is waited for, also over a new connection, and either may end it', async () => {
    let away = false;
    const sockets: WebSocketRoute[] = [];
    const lone = await comeIn({ browser: stage.browser, url: stage.hub.url, problems }, 'Lone', { colorScheme: 'dark' }, (tab) =>
      tab.routeWebSocket(/\/ws\/chat/, (socket) => {
        sockets.push(socket);
        if (away) void socket.close();
        else socket.connectToServer();
      }),
    );
    await find(lone);
    await lone.locator('[data-pair-state="waiting"]').waitFor();
    await screenshot(lone, 'pair-waiting-dark');
    expect(await seriousFaults(lone)).toEqual([]);
    await stopWaiting(lone);
    await lone.getByRole('button', { name: 'Find a partner' }).click();
    await lone.locator('[data-pair-state="waiting"]').waitFor();
    // A person who waits may open another room. A notice tells of the partner.
    await goTo(lone, '#/room/park');
    const late = await person('<i>Late</i>');
    await find(late);
    await partner(late, 'Lone');
    await (await heldNotice(lone, 'paired', '<i>Late</i>')).getByRole('button', { name: 'Open' }).click();
    await partner(lone, '<i>Late</i>');
    await lone.getByText('History is not kept').waitFor();
    expect(await late.locator('[data-notice]').count()).toBe(0);
    // The partner is seen to be here. While the hub is away nobody is.
    const presence = lone.locator('main [data-partner-presence]');
    await presence.getByText('Online', { exact: true }).waitFor();
    await lone.locator(`${ENTRY} [data-green]`).waitFor();
    away = true;
    for (const socket of sockets) await socket.close({ code: 1012 });
    await presence.getByText('Not connected', { exact: true }).waitFor();
    expect(await lone.locator('[data-green]').count()).toBe(0);
    await screenshot(lone, 'pair-away-dark');
    away = false;
    await presence.getByText('Online', { exact: true }).waitFor();
    await say(lone, '<script>alert(1)</script>');
    await converses(late, ['<script>alert(1)</script>']);

    await late.getByRole('button', { name: 'End chat' }).click();
    await late.getByText('The chat ends for you and your partner.').waitFor();
    await late.getByRole('button', { name: 'Cancel' }).click();
    await late.getByRole('button', { name: 'End chat' }).click();
    await late.getByRole('button', { name: 'End it for both?' }).click();
    await late.getByText('You ended this chat.').waitFor();
    await lone.getByText('This chat has ended.').waitFor();
    await screenshot(lone, 'pair-over-dark');
    for (const page of [lone, late]) {
      await converses(page, ['<script>alert(1)</script>']);
      expect(await page.getByLabel('Message', { exact: true }).count()).toBe(0);
    }
    // Not the same partner again: both wait. A newcomer is paired with the one who waits longer.
    for (const page of [lone, late]) {
      await page.getByRole('button', { name: 'Find another partner' }).click();
      await page.getByText('Nobody else is waiting yet').waitFor();
    }
    await screenshot(lone, 'pair-nobody-else-dark');
    const other = await person('Other');
    await find(other);
    await partner(lone, 'Other');
    await converses(lone, []);
    await say(lone, 'again');
    await late.getByText('Nobody else is waiting yet').waitFor();
    await stopWaiting(late);
  });

  it('[A9] whose time is over is closed, and says so', async () => {
    const [ann, bob] = [await person('Early'), await person('Bird')];
    await find(bob);
    await goTo(bob, '#/room/park');
    await find(ann);
    await partner(ann, 'Bird');
    await say(ann, 'tick');
    await stage.database.query(`UPDATE rooms SET expires_at = 1 WHERE room LIKE 'pair:%' AND closed_at IS NULL`);
    await ann.getByText('This chat ended after 24 hours.').waitFor({ timeout: 80_000 });
    await goTo(bob, '#/pair');
    await bob.getByText('This chat ended after 24 hours.').waitFor();
    await screenshot(ann, 'pair-expired');
  });

  it('fits a small telephone, and works by keyboard alone', async () => {
    const small = { viewport: { width: 360, height: 640 }, isMobile: true, hasTouch: true };
    const page = await person('A name of 21 letters!', small);
    const other = await person('Wwwwwwwwwwwwwwwwwwwww', small);
    await goTo(other, '#/pair');
    await other.getByRole('button', { name: 'Find a partner' }).click();
    for (const link of [/^Back to the rooms/, /^Partner/]) {
      await page.getByRole('link', { name: link }).focus();
      await page.keyboard.press('Enter');
    }
    await page.getByRole('button', { name: 'Find a partner' }).waitFor();
    await screenshot(page, 'pair-search-small');
    await page.getByLabel('Keep the history').focus();
    await page.keyboard.press('Space');
    expect(await page.getByLabel('Keep the history').isChecked()).toBe(true);
    await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    await partner(page, 'Wwwwwwwwwwwwwwwwwwwww');
    await say(page, 'A line that has to be broken, with a-very-long-word-that-nobody-can-break-nicely-at-all-in-it');
    await screenshot(page, 'pair-small');
    // The buttons share a line, and a notice covers neither them nor what they ask.
    const pushed = await fetch(`${stage.hub.url}/api/v1/push`, {
      method: 'POST',
      headers: { authorization: `Bearer ${KEY}`, 'content-type': 'application/json' },
      body: JSON.stringify({ to: { all: true }, type: 'inform', body: 'Rain at five' }),
    });
    expect(pushed.ok).toBe(true);
    await other.getByText('Your partner would like to keep the history').waitFor();
    await heldNotice(other, 'inform');
    await screenshot(other, 'pair-small-notice');
    const box = async (name: string) => (await other.getByRole('button', { name, exact: true }).boundingBox()) ?? { y: 0, height: 0 };
    const above = async (name: string) => ((await other.locator('[data-notice]').boundingBox())?.y ?? 0) - (await box(name)).y;
    expect((await box('Keep the history')).y).toBe((await box('End chat')).y);
    expect(await above('End chat')).toBeGreaterThanOrEqual((await box('End chat')).height);
    await other.getByRole('button', { name: 'End chat' }).click();
    await until(async () => (await above('End it for both?')) >= (await box('End it for both?')).height, {
      describe: 'the notice lies below what is asked',
    });
    expect(await page.evaluate(() => document.documentElement.scrollWidth > innerWidth)).toBe(false);
    await until(async () => (await page.getByRole('link', { name: 'Back to the rooms' }).count()) === 1, { timeoutMs: PATIENCE_MS });
  });
});
