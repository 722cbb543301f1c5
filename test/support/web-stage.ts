import type { Browser } from 'playwright-core';
import { afterAll, afterEach, beforeAll, expect } from 'vitest';

import { AllInOne } from './all-in-one.ts';
import { launchBrowser } from './browser.ts';
import { PostgresDatabase } from './postgres.ts';

/** What the tests of one file share: a browser, and a hub with its database. */
export class WebStage {
  /** The errors of all pages. A test fails if its pages have any. */
  readonly problems: string[] = [];
  #parts: { readonly browser: Browser; readonly hub: AllInOne; readonly database: PostgresDatabase } | undefined;

  /**
   * Starts the stage before the tests of the file, closes all tabs after each, and stops it at last.
   *
   * @param settings Of the hub, beside its database.
   */
  static forFile(settings: Readonly<Record<string, string>> = {}): WebStage {
    const stage = new WebStage();
    beforeAll(async () => {
      const database = await PostgresDatabase.create();
      const [browser, hub] = await Promise.all([launchBrowser(), AllInOne.start({ DATABASE_URL: database.url, ...settings })]);
      stage.#parts = { browser, hub, database };
    });
    afterEach(async () => {
      await Promise.all(stage.browser.contexts().map((context) => context.close()));
      expect(stage.problems.splice(0)).toEqual([]);
    });
    afterAll(async () => {
      await stage.#parts?.browser.close();
      await stage.#parts?.hub.kill9();
      await stage.#parts?.database.drop();
    });
    return stage;
  }

  get browser(): Browser {
    return this.#started.browser;
  }

  get hub(): AllInOne {
    return this.#started.hub;
  }

  get database(): PostgresDatabase {
    return this.#started.database;
  }

  get #started() {
    if (this.#parts === undefined) throw new Error('the stage has not started');
    return this.#parts;
  }
}
