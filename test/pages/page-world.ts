import { randomUUID } from 'node:crypto';
import type { Browser, BrowserContext, Page } from 'playwright-core';

import type { Language } from '#libs/protocol/languages.ts';
import { en } from '#services/web/src/i18n/en.ts';
import { zh } from '#services/web/src/i18n/zh.ts';
import { ADMIN_PASSWORD } from '#test/support/admin-page.ts';
import { AGENT_PASSWORD, addAgents, atDesk } from '#test/support/agents.ts';
import { AllInOne } from '#test/support/all-in-one.ts';
import { launchBrowser, mailedCode, newPerson, openTab } from '#test/support/browser.ts';
import { ChatClient } from '#test/support/chat-client.ts';
import { inChat } from '#test/support/chat-page.ts';
import { Customer } from '#test/support/customer.ts';
import { signToken } from '#test/support/jwt.ts';
import { PostgresDatabase } from '#test/support/postgres.ts';
import { ShopSite } from '#test/support/shop-site.ts';
import { until } from '#test/support/wait.ts';

/** Who looks at a page. `nobody` is not logged in. */
export type Kind = 'nobody' | 'guest' | 'registered' | 'customer' | 'agent' | 'admin';
/** Who looks, and in which language. */
export interface Viewer {
  readonly kind: Kind;
  readonly language: Language;
}

/** The texts of the pages. */
export const TEXTS = { en, zh };
/** The locales of the browsers. */
export const LOCALES = { en: 'en-GB', zh: 'zh-CN' } as const satisfies Record<Language, string>;
/** Customers who wait, by what they ask. */
const CUSTOMERS: Readonly<Record<string, string>> = {
  Ivy: 'A parcel',
  Jon: 'A bill',
  Kim: 'An address',
  'A customer called Lea': 'A return',
};
/** The names of the viewers. The longest has 21 characters. */
const NAMES = {
  nobody: { en: '', zh: '' },
  guest: { en: 'Wwwwwwwwwwwwwwwwwwwww', zh: '小安' },
  registered: { en: 'Ann Registered', zh: '一个名字很长的注册用户' },
  customer: { en: 'Zoe', zh: '小周' },
  agent: { en: 'Max', zh: '小美' },
  admin: { en: 'oncall', zh: 'oncall' },
} as const satisfies Record<Kind, Record<Language, string>>;
const LINES = [
  'Good morning! See https://example.org/ducks?a=1 and www.example.org.',
  '早上好，今天公园里有人吗？',
  'A line that has to be broken, with a-very-long-word-that-nobody-can-break-nicely-at-all in it.\nAnd a second line.',
];

/** People of the park. */
const PARK = [
  { name: 'Bob', kind: 'guest', line: LINES[0] ?? '' },
  { name: 'Moe', kind: 'moderator', line: LINES[1] ?? '' },
  { name: 'Cleo', kind: 'user', line: LINES[2] ?? '' },
];

/** A hub with people in it, a shop, and the browsers of those who look at the pages. */
export class PageWorld {
  readonly browser: Browser;
  readonly hub: AllInOne;
  readonly shop: ShopSite;
  /** The errors of all pages since the last look. */
  readonly problems: string[] = [];
  readonly #database: PostgresDatabase;
  readonly #clients: ChatClient[] = [];
  readonly #customers: Customer[] = [];
  readonly #made = new Map<string, Promise<unknown>>();

  private constructor(browser: Browser, hub: AllInOne, shop: ShopSite, database: PostgresDatabase) {
    [this.browser, this.hub, this.shop, this.#database] = [browser, hub, shop, database];
  }

  static async start(): Promise<PageWorld> {
    const [database, shop, browser] = await Promise.all([PostgresDatabase.create(), ShopSite.start(), launchBrowser()]);
    const hub = await AllInOne.start({ DATABASE_URL: database.url, ADMIN_PASSWORD, ALLOWED_ORIGINS: shop.origin });
    const world = new PageWorld(browser, hub, shop, database);
    shop.embed(hub.url);
    await addAgents(database.url, NAMES.agent.en, NAMES.agent.zh);
    for (const { name, kind, line } of PARK) {
      const client = await world.#client(name, kind);
      await client.join('park');
      await client.message('park', line);
    }
    return world;
  }

  async stop(): Promise<void> {
    for (const customer of this.#customers) customer.leave();
    await Promise.all(this.#clients.map((client) => client.close()));
    await this.browser.close();
    await this.hub.kill9();
    await Promise.all([this.shop.stop(), this.#database.drop()]);
  }

  /**
   * Returns the browser of a viewer: logged in, with a tab that stays open. A new one each time for
   * `nobody`.
   */
  person({ kind, language }: Viewer): Promise<BrowserContext> {
    const open = async () => {
      const person = await newPerson(this.browser, { locale: LOCALES[language] });
      if (kind === 'guest') await this.#enter(person, language);
      if (kind === 'registered') await this.#register(person, language);
      if (kind === 'customer') await this.#ask(person, language);
      if (kind === 'agent') await this.#logIn(person, language);
      return person;
    };
    return kind === 'nobody' ? open() : this.#once(`person ${kind} ${language}`, open);
  }

  /** Returns a group of the viewer and the people of the park, who have written to it. */
  group({ kind, language }: Viewer): Promise<string> {
    return this.#once(`group ${kind} ${language}`, async () => {
      await this.person({ kind, language });
      const { users = [] } = await this.#first.presence('park');
      const names: readonly (string | undefined)[] = [NAMES[kind][language], ...PARK.map(({ name }) => name)];
      const members = users.filter(({ id, name }) => id !== this.#first.user && names.includes(name)).map(({ id }) => id);
      const { room } = await this.#post(this.#first, PARK[0]?.name ?? '', '/rooms', { name: 'Ducks 和小鸭子', kind: 'group', members });
      for (const [n, { line }] of PARK.entries()) {
        await this.#clients[n]?.join(String(room));
        await this.#clients[n]?.message(String(room), line);
      }
      return String(room);
    });
  }

  /** Pairs the viewer with somebody, by the page. Resolves when the partner has written. */
  pair({ kind, language }: Viewer): Promise<void> {
    return this.#once(`pair ${kind} ${language}`, async () => {
      const person = await this.person({ kind, language });
      const name = `Partner ${this.#clients.length}`;
      const partner = await this.#client(name);
      await this.#post(partner, name, '/rooms/match', {});
      const page = await openTab(person, `${this.hub.url}/#/pair`, this.problems);
      await page.getByRole('button', { name: TEXTS[language].chat.pairFind }).click();
      const room = String(await page.locator('main[data-room^="pair:"][data-state="open"]').getAttribute('data-room'));
      await partner.join(room);
      await partner.message(room, LINES[0] ?? '');
      await page.locator('main [data-text]').first().waitFor();
      await page.close();
    });
  }

  /** Resolves when agents are logged in, and each has customers. */
  async desk(): Promise<void> {
    await this.#once('desk', async () => {
      for (const language of ['en', 'zh'] as const) await this.person({ kind: 'agent', language });
      for (const [name, subject] of Object.entries(CUSTOMERS)) {
        const customer = await Customer.open(this.hub.url, name, subject);
        this.#customers.push(customer);
        for (const line of LINES) await customer.say(line);
      }
    });
  }

  get #first(): ChatClient {
    const [first] = this.#clients;
    if (first === undefined) throw new Error('nobody is in the park');
    return first;
  }

  #once<T>(key: string, make: () => Promise<T>): Promise<T> {
    const made = this.#made.get(key) ?? make();
    this.#made.set(key, made);
    return made as Promise<T>;
  }

  /** Somebody without a page. */
  async #client(name: string, kind = 'guest'): Promise<ChatClient> {
    const client = await ChatClient.connect(this.hub.wsUrl, randomUUID(), { claims: { name, kind } });
    this.#clients.push(client);
    return client;
  }

  async #post(as: ChatClient, name: string, path: string, body: object): Promise<Record<string, unknown>> {
    const answer = await fetch(`${this.hub.url}/api/v1${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${signToken({ sub: as.user, name, kind: 'guest' })}` },
      body: JSON.stringify(body),
    });
    if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
    return (await answer.json()) as Record<string, unknown>;
  }

  async #enter(person: BrowserContext, language: Language): Promise<void> {
    const page = await openTab(person, this.hub.chatLink, this.problems);
    await page.getByLabel(TEXTS[language].account.nickname).fill(NAMES.guest[language]);
    await page.keyboard.press('Enter');
    await inPark(page);
  }

  async #register(person: BrowserContext, language: Language): Promise<void> {
    const page = await openTab(person, this.hub.chatLink, this.problems);
    await this.askForCode(page, language, `${language}@example.org`);
    const text = TEXTS[language].account;
    await page.getByLabel(text.code, { exact: true }).fill(await mailedCode(this.hub, `${language}@example.org`));
    await page.getByLabel(text.yourName, { exact: true }).fill(NAMES.registered[language]);
    await page.keyboard.press('Enter');
    await inPark(page);
  }

  /** Asks for a code by the form of the page. Resolves when the field for the code is there. */
  async askForCode(page: Page, language: Language, address: string): Promise<void> {
    const text = TEXTS[language].account;
    await page.getByText(text.withMail).click();
    await page.getByLabel(text.address).fill(address);
    await page.keyboard.press('Enter');
    await page.getByLabel(text.code, { exact: true }).waitFor();
  }

  /** Asks something in the widget of the shop. */
  async #ask(person: BrowserContext, language: Language): Promise<void> {
    const page = await this.visit(person, language);
    const widget = page.frameLocator('parley-widget iframe');
    await widget.getByLabel(TEXTS[language].widget.name).fill(NAMES.customer[language]);
    await widget.getByLabel(TEXTS[language].widget.name).press('Enter');
    const field = widget.getByRole('textbox', { name: TEXTS[language].conversation.message });
    for (const line of LINES) {
      await field.fill(line);
      await field.press('Enter');
    }
    await until(async () => (await widget.locator('li[data-state="stored"]').count()) === LINES.length);
  }

  /** Opens the shop, and its widget. */
  async visit(person: BrowserContext, language: Language, before?: (page: Page) => Promise<unknown>): Promise<Page> {
    // The language of the shop is the widget's.
    this.shop.embed(this.hub.url, `data-channel="shop" data-lang="${language}"`);
    const page = await openTab(person, this.shop.origin, this.problems, before);
    await page.locator('parley-widget button').first().click();
    await page.frameLocator('parley-widget iframe').getByRole('textbox').first().waitFor();
    return page;
  }

  async #logIn(person: BrowserContext, language: Language): Promise<void> {
    const page = await openTab(person, `${this.hub.url}/agent`, this.problems);
    const text = TEXTS[language].agent;
    await page.getByLabel(text.username, { exact: true }).fill(NAMES.agent[language]);
    await page.getByLabel(text.password, { exact: true }).fill(AGENT_PASSWORD);
    await page.keyboard.press('Enter');
    await atDesk(page);
  }
}

async function inPark(page: Page): Promise<void> {
  await inChat(page);
  await page.locator('main[data-room="park"][data-state="open"]').waitFor();
}
