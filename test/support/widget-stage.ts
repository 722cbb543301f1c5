import type { Browser, BrowserContext, BrowserContextOptions, FrameLocator, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, expect } from 'vitest';

import { addAgents, logInAsAgent } from './agents.ts';
import { AllInOne } from './all-in-one.ts';
import { launchPrivate, newPerson, openTab, PATIENCE_MS } from './browser.ts';
import { freePort } from './free-port.ts';
import { PostgresDatabase } from './postgres.ts';
import { ShopSite } from './shop-site.ts';
import { TcpProxy } from './tcp-proxy.ts';
import { until } from './wait.ts';

interface Parts {
  readonly browser: Browser;
  readonly database: PostgresDatabase;
  readonly shop: ShopSite;
  /** A site that may not show the widget. */
  readonly stranger: ShopSite;
  /** From the hub to its database. */
  readonly wire: TcpProxy;
  readonly settings: Readonly<Record<string, string>>;
}

/** What the tests of the widget share: a shop, a hub with agents, and a browser with private windows. */
export class WidgetStage {
  /** The errors of all pages. A test fails if its pages have any. */
  readonly problems: string[] = [];
  #parts: Parts | undefined;
  #hub: AllInOne | undefined;

  /** Starts the stage before the tests of the file, empties it after each, and stops it at last. */
  static forFile(): WidgetStage {
    const stage = new WidgetStage();
    beforeAll(() => stage.#start());
    afterEach(() => stage.#clear());
    afterAll(() => stage.#stop());
    return stage;
  }

  get parts(): Parts {
    if (this.#parts === undefined) throw new Error('the stage has not started');
    return this.#parts;
  }

  get hub(): AllInOne {
    if (this.#hub === undefined) throw new Error('the hub has not started');
    return this.#hub;
  }

  /** Starts the hub again, on the same port, after it was killed. */
  async restart(): Promise<void> {
    this.#hub = await AllInOne.start(this.parts.settings);
  }

  /** A customer in the shop, with the widget open. */
  async visit(context: BrowserContext): Promise<{ page: Page; widget: FrameLocator }> {
    const page = await openTab(context, this.parts.shop.origin, this.problems);
    await opener(page).click();
    const widget = widgetOf(page);
    await widget.getByLabel(/Your name|您的称呼/).waitFor();
    return { page, widget };
  }

  /** An agent at the workbench. */
  async agent(name: string, options: BrowserContextOptions = {}): Promise<Page> {
    const page = await openTab(await newPerson(this.parts.browser, options), `${this.hub.url}/agent`, this.problems);
    await logInAsAgent(page, name);
    return page;
  }

  async #start(): Promise<void> {
    const [database, shop, stranger, browser] = await Promise.all([
      PostgresDatabase.create(),
      ShopSite.start(),
      ShopSite.start(),
      launchPrivate(),
    ]);
    const url = new URL(database.url);
    const wire = await TcpProxy.start({ target: Number(url.port) });
    url.port = String(wire.port);
    const settings = { PORT: String(await freePort()), DATABASE_URL: url.href, ALLOWED_ORIGINS: shop.origin };
    this.#parts = { browser, database, shop, stranger, wire, settings };
    await this.restart();
    for (const site of [shop, stranger]) site.embed(this.hub.url);
    await addAgents(database.url, 'Max', 'Mia');
  }

  async #clear(): Promise<void> {
    const { browser, database, shop } = this.parts;
    await Promise.all(browser.contexts().map((context) => context.close()));
    await until(async () => (await this.#online()) === 0, { timeoutMs: PATIENCE_MS, describe: 'everybody has gone' });
    await database.query("UPDATE conversations SET state = 'closed'");
    shop.embed(this.hub.url);
    expect(this.problems.splice(0)).toEqual([]);
  }

  async #stop(): Promise<void> {
    const { browser, database, shop, stranger, wire } = this.parts;
    await browser.close();
    await this.#hub?.kill9();
    await wire.stop();
    await Promise.all([shop.stop(), stranger.stop(), database.drop()]);
  }

  async #online(): Promise<number> {
    return ((await (await fetch(`${this.hub.url}/api/v1/online`)).json()) as { count: number }).count;
  }
}

/** The frame of the widget. */
export const widgetOf = (page: Page): FrameLocator => page.frameLocator('parley-widget iframe');

/** The button that opens the widget. */
export const opener = (page: Page) => page.locator('parley-widget > button, parley-widget button').first();

/** The field for a message. */
export const box = (widget: FrameLocator) => widget.getByRole('textbox', { name: /^(Message|消息)$/ });

/** A stored message. */
export const line = (widget: FrameLocator, text: string) => widget.locator('[data-state="stored"]').getByText(text, { exact: true });

/** Gives the customer's name. */
export async function introduce(widget: FrameLocator, name: string): Promise<void> {
  await widget.getByLabel(/Your name|您的称呼/).fill(name);
  await widget.getByLabel(/Your name|您的称呼/).press('Enter');
  await box(widget).waitFor();
}

/** Sends a message. Resolves when it is stored. */
export async function write(widget: FrameLocator, text: string): Promise<void> {
  await box(widget).fill(text);
  await box(widget).press('Enter');
  await line(widget, text).waitFor();
}
