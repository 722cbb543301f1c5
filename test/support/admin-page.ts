/** Uses the admin page as a person on call does. */
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';

import { newPerson, openTab, PATIENCE_MS } from './browser.ts';
import type { ChatClient } from './chat-client.ts';
import { until } from './wait.ts';

/** The password of the admin pages in tests. */
export const ADMIN_PASSWORD = 'a password of tests only';

/** A browser that watches the admin page. */
export interface Watching {
  readonly browser: Browser;
  /** The URL of the admin page. */
  readonly url: string;
  /** Gets the errors of the page. */
  readonly problems: string[];
}

/** Opens the page, in English by default, and waits until it shows the state of the hub. */
export async function openAdmin({ browser, url, problems }: Watching, options: BrowserContextOptions = {}): Promise<Page> {
  const person = await newPerson(browser, {
    locale: 'en',
    ...options,
    httpCredentials: { username: 'oncall', password: ADMIN_PASSWORD },
  });
  const page = await openTab(person, url, problems);
  await page.locator('[data-verdict]:not([data-verdict="unknown"])').waitFor();
  return page;
}

/** Finds a person and opens the person's panel. */
export async function lookUp(page: Page, text: string, id: string): Promise<void> {
  await page.getByLabel('Find a person').fill(text);
  // The store learns of a new person a moment later.
  await until(
    async () => {
      const answered = page.waitForResponse('**/admin/api/users?*');
      await page.getByRole('button', { name: 'Find', exact: true }).click();
      return (await (await answered).text()).includes(`"${id}"`);
    },
    { timeoutMs: PATIENCE_MS, describe: `${text} is found` },
  );
  await page.getByRole('list', { name: 'People found' }).locator(`[data-person="${id}"]`).click();
  await page.getByRole('dialog').getByText('What you can do').waitFor();
}

/** Presses a button of the person's panel and confirms. */
export async function act(page: Page, button: string, yes: string, done: string): Promise<void> {
  await page.getByRole('button', { name: button }).click();
  await page.getByRole('dialog').last().getByRole('button', { name: yes, exact: true }).click();
  await page.getByRole('status').getByText(done).waitFor();
}

/** Sends a notice with the form and confirms. */
export async function inform(
  page: Page,
  to: { readonly kind: string; readonly label?: string; readonly name?: string },
  text: string,
): Promise<void> {
  const form = page.getByRole('region', { name: 'Send a notice' });
  await form.getByLabel('To', { exact: true }).selectOption(to.kind);
  if (to.label !== undefined) await form.getByLabel(to.label).fill(to.name ?? '');
  await form.getByLabel('Text').fill(text);
  await form.getByRole('button', { name: 'Send' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Send', exact: true }).click();
  await form.getByText('Sent.').waitFor();
}

/** Whether a client got a notice with this text. */
export const informed = (who: ChatClient, body: string): boolean =>
  who.frames.some((frame) => frame.type === 'inform' && JSON.stringify(frame).includes(`"body":"${body}"`));

const CHARTS = ['connections', 'messages', 'ack', 'delivery', 'redisLag'];

/** The newest numbers of a chart of the last hours, as they stand beside it, by gateway. */
export function chartNumbers(page: Page, chart: string): Promise<string[]> {
  return page.locator(`[data-chart="${chart}"] [data-node-value]`).allInnerTexts();
}

/** Resolves once each chart of the last hours has a number. */
export async function chartsDrawn(page: Page): Promise<void> {
  await until(
    async () => {
      const numbers = await Promise.all(CHARTS.map((chart) => chartNumbers(page, chart)));
      return numbers.every((texts) => texts.some((text) => /\d/.test(text)));
    },
    { timeoutMs: 90_000, describe: 'every chart has a number' },
  );
}
