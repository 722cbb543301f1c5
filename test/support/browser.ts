import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Browser, type BrowserContext, type BrowserContextOptions, chromium, type FrameLocator, type Page } from 'playwright-core';

import type { AllInOne } from './all-in-one.ts';
import { until } from './wait.ts';

/** Chromium without its own windows: they take half of the time of a page. */
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
/** The most milliseconds for any step in a page. */
export const PATIENCE_MS = 30_000;
/**
 * Messages of the browser itself about broken connections and refusals, which the page handles, and
 * about a header that means nothing over plain http.
 */
const EXPECTED =
  /net::ERR|Cross-Origin-Opener-Policy header has been ignored|WebSocket connection to|Failed to load resource: the server responded with a status of/;

function launchOptions(places: readonly string[]): { readonly executablePath: string; readonly headless: true; readonly args: string[] } {
  const executablePath = places.find((place) => existsSync(place));
  if (executablePath === undefined) throw new Error(`no Chromium at ${places.join(', ')}: install the package chromium`);
  return { executablePath, headless: true, args: FLAGS };
}

/** Starts the machine's Chromium without a window. `flags`: further ones. */
export function launchBrowser(...flags: readonly string[]): Promise<Browser> {
  const { args, ...options } = launchOptions([SHELL, ...PLACES]);
  return chromium.launch({ ...options, args: [...args, ...flags] });
}

/**
 * Starts a full Chromium with private windows. Frames of other sites can store only partitioned
 * cookies there.
 */
export function launchPrivate(): Promise<Browser> {
  return chromium.launch(launchOptions(PLACES));
}

/**
 * Starts a full Chromium that lets frames of other sites store data, partitioned by site, as most
 * people's do. `folder` is empty and gets its profile. `flags`: further ones.
 */
export function launchEveryday(folder: string, ...flags: readonly string[]): Promise<BrowserContext> {
  mkdirSync(join(folder, 'Default'));
  // The settings of Debian's Chromium would forbid it.
  const preferences = { profile: { cookie_controls_mode: 0, block_third_party_cookies: false } };
  writeFileSync(join(folder, 'Default', 'Preferences'), JSON.stringify(preferences));
  const { args, ...options } = launchOptions(PLACES);
  return chromium.launchPersistentContext(folder, { ...options, args: [...args, ...flags] });
}

/** Returns the path of a file in test/artifacts, which git ignores. */
export function artifact(name: string): string {
  return `${ARTIFACTS}${name}`;
}

/** Saves a picture of the page in test/artifacts. */
export async function screenshot(page: Page, name: string): Promise<void> {
  mkdirSync(ARTIFACTS, { recursive: true });
  await page.screenshot({ path: artifact(`${name}.png`) });
}

/** Opens the browser of one person, with cookies of its own. */
export function newPerson(browser: Browser, options: BrowserContextOptions = {}): Promise<BrowserContext> {
  return browser.newContext({ reducedMotion: 'reduce', ...options });
}

/**
 * Opens a tab. `problems` gets the errors of its page. `before` may route requests before the first
 * one.
 */
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

/** Resolves when the page knows whether a user is logged in. */
export function settled(page: Page): Promise<void> {
  return page.locator('#loading').waitFor({ state: 'hidden' });
}

/** Resolves when the chat is open and connected. */
export function connected(page: Page): Promise<void> {
  return page.locator('[data-state="connected"]').first().waitFor();
}

/** Enters as a guest. */
export async function enterAsGuest(page: Page, name: string): Promise<void> {
  await page.getByLabel('Nickname').fill(name);
  await page.keyboard.press('Enter');
  await connected(page);
}

/** Asks for a code with the form of the page. */
export async function askForCode(page: Page, account: string): Promise<void> {
  await page.getByText('With my email').click();
  await page.getByLabel('Email address, or your name').fill(account);
  await page.keyboard.press('Enter');
  await page.getByLabel('Code', { exact: true }).waitFor();
}

/**
 * Returns the newest code for an address in the mailbox of a hub. Waits for the mail. `used`: an
 * earlier code to ignore.
 */
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

/** Registers with the page and the mailed code. */
export async function register(page: Page, hub: Pick<AllInOne, 'mailbox'>, address: string, name: string): Promise<void> {
  await askForCode(page, address);
  await page.getByLabel('Code', { exact: true }).fill(await mailedCode(hub, address));
  await page.getByLabel('Your name', { exact: true }).fill(name);
  await page.keyboard.press('Enter');
  await connected(page);
}

/** Returns the texts of a thread in view, with a dash for the end of an earlier conversation. */
export function threadOf(page: Page | FrameLocator): Promise<(string | null)[]> {
  return page
    .locator('li[data-state] [data-text], li[data-ended]')
    .evaluateAll((all) => all.map((one) => (one.matches('[data-ended]') ? '---' : one.textContent)));
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
