/** Uses the chat's page as a person does. */
import type { Browser, BrowserContext, BrowserContextOptions, Locator, Page } from 'playwright-core';

import { newPerson, openTab, PATIENCE_MS } from './browser.ts';
import type { PostgresDatabase } from './postgres.ts';
import { until } from './wait.ts';

/** A browser that enters the chat. */
export interface Entering {
  readonly browser: Browser;
  readonly url: string;
  /** Gets the errors of the page. */
  readonly problems: string[];
}

/**
 * A new person enters as a guest and opens the chat. `before` may route requests before the first
 * one.
 */
export async function comeIn(
  { browser, url, problems }: Entering,
  name: string,
  options: BrowserContextOptions = {},
  before?: (page: Page) => Promise<unknown>,
): Promise<Page> {
  const page = await openTab(await newPerson(browser, options), url, problems, before);
  await page.getByLabel('Nickname').fill(name);
  await page.keyboard.press('Enter');
  await inChat(page);
  return page;
}

/** Opens another tab of a person. `hash`: the place in the chat. */
export async function anotherTab(person: BrowserContext, { url, problems }: Entering, hash = ''): Promise<Page> {
  const page = await openTab(person, `${url}/${hash}`, problems);
  await inChat(page);
  return page;
}

/** Resolves when the chat is connected and in view. */
export async function inChat(page: Page): Promise<void> {
  await page.locator('[data-chat]').waitFor();
  await page.locator('[data-state="connected"]').waitFor();
}

/** Goes to a place of the chat, and waits until it is in view. */
export async function goTo(page: Page, hash: string): Promise<void> {
  await page.evaluate((to) => {
    location.hash = to;
  }, hash);
  await page.locator(`[data-chat="${hash}"]`).waitFor();
}

/** Says by keyboard that others may find me as a partner, and goes back to the park. */
export async function mayBeFound(page: Page): Promise<void> {
  await goTo(page, '#/pair');
  const stored = page.waitForResponse(
    (answer) => answer.request().method() === 'PUT' && answer.url().endsWith('/rooms/match') && answer.ok(),
  );
  await page.getByRole('switch', { name: 'Others may find me' }).focus();
  await page.keyboard.press('Space');
  await stored;
  await goTo(page, '#/room/park');
}

/** Opens an entry of the list and waits until it is in view. */
export async function openEntry(page: Page, entry: string): Promise<void> {
  const link = page.locator(entry);
  const hash = await link.getAttribute('href');
  await link.click();
  await page.locator(`[data-chat="${hash}"]`).waitFor();
}

/** Returns the texts of the conversation in view, in order. */
export function conversation(page: Page): Promise<string[]> {
  return page.locator('main [data-text]').allTextContents();
}

/** Waits until the conversation in view is exactly this. */
export async function converses(page: Page, lines: readonly string[]): Promise<void> {
  let seen: string[] = [];
  await until(
    async () => {
      seen = await conversation(page);
      return JSON.stringify(seen) === JSON.stringify(lines);
    },
    { timeoutMs: PATIENCE_MS, describe: () => `the page reads ${lines.join(' | ')}, not ${seen.join(' | ')}` },
  );
}

/**
 * Returns the line of the conversation in view with exactly this text. `state`: of an own message.
 */
export function line(page: Page, text: string, state?: 'pending' | 'stored' | 'failed'): Locator {
  const lines = page.locator(state === undefined ? 'main li[data-key]' : `main li[data-mine][data-state="${state}"]`);
  return lines.filter({ has: page.getByText(text, { exact: true }) });
}

/** Sends a text to the room in view. */
export async function write(page: Page, text: string): Promise<void> {
  await page.getByLabel('Message', { exact: true }).fill(text);
  await page.keyboard.press('Enter');
}

/** Sends a text and waits until the hub has stored it. */
export async function say(page: Page, text: string): Promise<void> {
  await write(page, text);
  await line(page, text, 'stored').waitFor();
}

/**
 * Makes a group with people of the park and waits until all of them see it in the list. Returns its
 * room.
 */
export async function makeGroup(owner: Page, name: string, others: readonly Page[], { keep = true } = {}): Promise<string> {
  await owner.getByRole('button', { name: 'New group' }).click();
  const dialog = owner.getByRole('dialog');
  await dialog.getByLabel('Name of the group').fill(name);
  for (const box of await dialog.getByRole('group', { name: 'Members' }).getByRole('checkbox').all()) await box.check();
  if (!keep) await dialog.getByLabel('Keep the history').uncheck();
  await dialog.getByRole('button', { name: 'Create' }).click();
  await owner.getByRole('heading', { name, exact: true }).waitFor();
  for (const page of others) await page.getByRole('link', { name: new RegExp(`^${name}`) }).waitFor();
  await owner.locator('main[data-state="open"]').waitFor();
  return (await owner.locator('main').getAttribute('data-room')) ?? '';
}

/** Waits until the selected entry of the list shows this many unread messages. */
export async function unread(page: Page, entry: string, count: number): Promise<void> {
  let seen = -1;
  await until(
    async () => {
      const marks = await page
        .locator(entry)
        .locator('[data-unread]')
        .evaluateAll((all) => all.map((mark) => mark.getAttribute('data-unread')));
      seen = Number(marks[0] ?? 0);
      return seen === count && (await page.locator(entry).isVisible());
    },
    { timeoutMs: PATIENCE_MS, describe: () => `${entry} has ${count} unread, not ${seen}` },
  );
}

/** Waits for a notice, and holds the pointer over it, so that it stays. */
export async function heldNotice(page: Page, kind: string, text = ''): Promise<Locator> {
  const notice = page.locator(`[data-notice="${kind}"]`, { hasText: text });
  await notice.hover();
  return notice;
}

/**
 * Waits until the store knows that a user got everything up to an offset, in a room whose name
 * matches. Clients report it at most once a second.
 */
export async function delivered(database: PostgresDatabase, room: string, name: string, offset: number): Promise<void> {
  await until(
    async () => {
      const rows = await database.query(
        'SELECT c.delivered FROM cursors c JOIN seen s ON s.user_id = c.user_id WHERE s.name = $1 AND c.room LIKE $2',
        [name, room],
      );
      return rows.some((row) => Number(row['delivered']) >= offset);
    },
    { timeoutMs: PATIENCE_MS, describe: `${name} got everything up to ${offset}` },
  );
}

/** Waits until the hub reports that nobody of an earlier test is online. */
export async function nobodyOnline(url: string): Promise<void> {
  await until(async () => ((await (await fetch(`${url}/api/v1/online`)).json()) as { count: number }).count === 0, {
    timeoutMs: PATIENCE_MS,
    describe: 'nobody is online',
  });
}
