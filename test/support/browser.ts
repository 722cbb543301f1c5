import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Browser, type BrowserContext, type BrowserContextOptions, chromium, type Page } from 'playwright-core';

import type { AllInOne } from './all-in-one.ts';
import { until } from './wait.ts';

/** Chromium without its own windows, which take half of the time of a page. */
const SHELL = '/usr/bin/chromium-headless-shell';
const PLACES = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];
const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];
const ARTIFACTS = fileURLToPath(new URL('../artifacts/', import.meta.url));
/** Milliseconds that anything in a page may take. */
export const PATIENCE_MS = 30_000;
/** What a browser itself says of lines that broke, and of refusals that the page puts into words. */
const EXPECTED = /net::ERR|WebSocket connection to|Failed to load resource: the server responded with a status of/;

function launchOptions(places: readonly string[]): { readonly executablePath: string; readonly headless: true; readonly args: string[] } {
  const executablePath = places.find((place) => existsSync(place));
  if (executablePath === undefined) throw new Error(`no Chromium at ${places.join(', ')}: install the package chromium`);
  return { executablePath, headless: true, args: FLAGS };
}

/** The machine's Chromium, without a window. */
export function launchBrowser(): Promise<Browser> {
  return chromium.launch(launchOptions([SHELL, ...PLACES]));
}

/** A whole Chromium. Its people are in private windows: frames of other sites may keep nothing there but partitioned cookies. */
export function launchPrivate(): Promise<Browser> {
  return chromium.launch(launchOptions(PLACES));
}

/** A whole Chromium that lets frames of other sites keep things, each site's apart, as most people's do. Its profile is made in an empty folder. */
export function launchEveryday(folder: string): Promise<BrowserContext> {
  mkdirSync(join(folder, 'Default'));
  // Debian's would forbid it.
  const preferences = { profile: { cookie_controls_mode: 0, block_third_party_cookies: false } };
  writeFileSync(join(folder, 'Default', 'Preferences'), JSON.stringify(preferences));
  return chromium.launchPersistentContext(folder, launchOptions(PLACES));
}

/** Keeps a picture of the page in test/artifacts. */
export async function screenshot(page: Page, name: string): Promise<void> {
  mkdirSync(ARTIFACTS, { recursive: true });
  await page.screenshot({ path: `${ARTIFACTS}${name}.png` });
}

/** A person's browser: cookies of its own. */
export function newPerson(browser: Browser, options: BrowserContextOptions = {}): Promise<BrowserContext> {
  return browser.newContext({ reducedMotion: 'reduce', ...options });
}

/** A tab. What its page complains about is added to `problems`; `before` may route requests before the first one. */
export async function openTab(
  person: BrowserContext,
  url: string,
  problems: string[],
  before?: (page: Page) => Promise<unknown>,
): Promise<Page> {
  const page = await person.newPage();
  page.setDefaultTimeout(PATIENCE_MS);
  page.on('pageerror', (error) => problems.push(String(error)));
  page.on('console', (message) => {
    if (message.type() === 'error' && !EXPECTED.test(message.text())) problems.push(message.text());
  });
  page.on('dialog', (dialog) => {
    problems.push(`dialog: ${dialog.message()}`);
    void dialog.dismiss();
  });
  await before?.(page);
  await page.goto(url);
  await settled(page);
  return page;
}

/** The page knows whether somebody is logged in. */
export function settled(page: Page): Promise<void> {
  return page.locator('#loading').waitFor({ state: 'hidden' });
}

/** The chat is there, and connected. */
export function connected(page: Page): Promise<void> {
  return page.locator('[data-state="connected"]').first().waitFor();
}

/** Comes in as a guest. */
export async function enterAsGuest(page: Page, name: string): Promise<void> {
  await page.getByLabel('Nickname').fill(name);
  await page.keyboard.press('Enter');
  await connected(page);
}

/** Asks for a code on the form of the page. */
export async function askForCode(page: Page, account: string): Promise<void> {
  await page.getByText('With my email').click();
  await page.getByLabel('Email address, or your name').fill(account);
  await page.keyboard.press('Enter');
  await page.getByLabel('Code', { exact: true }).waitFor();
}

/** The newest code that the mailbox of a hub shows for an address; waits for the mail. `used`: not this one. */
export function mailedCode(hub: Pick<AllInOne, 'mailbox'>, address: string, used = ''): Promise<string> {
  return until(
    async () => {
      const html = await hub.mailbox();
      const mail = html.split('<article>').find((article) => article.includes(`<b>${address}</b>`));
      const code = /\n([0-9A-Za-z]{6})\n/.exec(mail ?? '')?.[1];
      return code === used ? undefined : code;
    },
    { timeoutMs: PATIENCE_MS, describe: `a code for ${address} is in the mailbox` },
  );
}

/** Registers through the page, by the mailed code. */
export async function register(page: Page, hub: Pick<AllInOne, 'mailbox'>, address: string, name: string): Promise<void> {
  await askForCode(page, address);
  await page.getByLabel('Code', { exact: true }).fill(await mailedCode(hub, address));
  await page.keyboard.press('Enter');
  await page.getByLabel('Your name', { exact: true }).fill(name);
  await page.keyboard.press('Enter');
  await connected(page);
}

/** Waits until an element has exactly this text. */
export function shows(page: Page, selector: string, text: string): Promise<unknown> {
  let seen: string | null;
  return until(
    async () => {
      seen = await page.locator(selector).textContent();
      return seen === text;
    },
    { timeoutMs: PATIENCE_MS, describe: () => `${selector} shows ${text}, not ${seen}` },
  );
}
