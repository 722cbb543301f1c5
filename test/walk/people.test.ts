import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';

import { AllInOne } from '#test/support/all-in-one.ts';
import { launchBrowser, newPerson, openTab, settled } from '#test/support/browser.ts';
import { converses, heldNotice, inChat, line, say, unread } from '#test/support/chat-page.ts';
import { PostgresDatabase } from '#test/support/postgres.ts';
import { Walk, watchShifts } from './walk.ts';

let database: PostgresDatabase;
let hub: AllInOne;
let browsers: readonly Browser[] = [];
let walk: Walk;

beforeAll(async () => {
  database = await PostgresDatabase.create();
  walk = await Walk.begin('people');
  hub = await AllInOne.start({ DATABASE_URL: database.url });
  browsers = await Promise.all([launchBrowser(), launchBrowser()]);
});

afterAll(async () => {
  walk?.end();
  await Promise.all(browsers.map((browser) => browser.close()));
  await hub?.kill9();
  await database?.drop();
});

it('two people in two browsers come from nothing to a pair, a group and back', async () => {
  const open = async (who: string, browser: Browser | undefined): Promise<Page> => {
    if (browser === undefined) throw new Error('the browser has not started');
    const page = await openTab(await newPerson(browser), hub.chatLink, walk.faults, watchShifts);
    walk.shows(who, page);
    return page;
  };
  const enter = async (page: Page, name: string) => {
    await page.getByLabel('Nickname').press('End');
    await page.keyboard.type(name);
    await page.keyboard.press('Enter');
    await inChat(page);
    await page.locator('main[data-room="park"][data-state="open"]').waitFor();
  };

  const ann = await walk.step('Ann opens the address', () => open('ann', browsers[0]));
  await walk.step('Ann enters the park', () => enter(ann, 'Ann'));
  const bob = await walk.step('Bob opens the address', () => open('bob', browsers[1]));
  await walk.step('Bob enters the park', () => enter(bob, 'Bob'));
  await walk.step('Ann sees Bob', () => ann.locator('aside [data-person="Bob"]').waitFor());
  await walk.step('Ann says hello, and Bob reads it', async () => {
    await say(ann, 'Hello! Is anybody here?');
    await line(bob, 'Hello! Is anybody here?').waitFor();
  });

  const find = async (page: Page) => {
    await page.getByRole('link', { name: /^Partner/ }).press('Enter');
    await page.getByRole('button', { name: 'Find a partner' }).press('Enter');
  };
  await walk.step('Ann looks for a partner', async () => {
    await find(ann);
    await ann.getByText('Nobody else is waiting yet').waitFor();
  });
  await walk.step('Bob looks, and both are paired', async () => {
    await find(bob);
    await bob.getByRole('heading', { name: 'Ann', exact: true }).waitFor();
    await ann.getByRole('heading', { name: 'Bob', exact: true }).waitFor();
  });
  await walk.step('they talk', async () => {
    await say(ann, 'Nice to meet you.');
    await line(bob, 'Nice to meet you.').waitFor();
    await say(bob, 'And you! What do you like?');
    await converses(ann, ['Nice to meet you.', 'And you! What do you like?']);
  });
  await walk.step('both ask for the history', async () => {
    for (const page of [ann, bob]) await page.getByRole('button', { name: 'Keep the history' }).press('Enter');
    for (const page of [ann, bob]) await page.getByText('History is kept', { exact: true }).waitFor();
  });

  await walk.step('Ann opens the form for a group', async () => {
    await ann.getByRole('button', { name: 'New group' }).press('Enter');
    await ann.getByRole('dialog').getByLabel('Name of the group').waitFor();
  });
  await walk.step('Ann makes a group with Bob, who is told', async () => {
    const dialog = ann.getByRole('dialog');
    await dialog.getByLabel('Name of the group').press('End');
    await ann.keyboard.type('Ducks');
    await dialog.getByRole('checkbox', { name: /Bob/ }).press('Space');
    await dialog.getByRole('button', { name: 'Create' }).press('Enter');
    await ann.getByRole('heading', { name: 'Ducks', exact: true }).waitFor();
    await ann.locator('main[data-state="open"]').waitFor();
    await heldNotice(bob, 'added', 'Ducks');
  });
  await walk.step('Bob opens the group', async () => {
    await bob.locator('[data-notice="added"]').getByRole('button', { name: 'Open' }).press('Enter');
    await bob.getByRole('heading', { name: 'Ducks', exact: true }).waitFor();
  });
  await walk.step('they talk in the group', async () => {
    await say(bob, 'So this is the group.');
    await line(ann, 'So this is the group.').waitFor();
    await say(ann, 'Welcome!');
    await line(bob, 'Welcome!').waitFor();
  });

  await walk.step('Bob goes back to the pair', async () => {
    await bob.locator('nav a[data-pair]').press('Enter');
    await line(bob, 'Nice to meet you.').waitFor();
  });
  await walk.step('Bob writes to the pair, which Ann does not see', async () => {
    await say(bob, 'I have to go soon.');
    await unread(ann, 'nav a[data-pair]', 1);
  });
  await walk.step('Ann reloads, and reads it', async () => {
    await ann.reload();
    await settled(ann);
    await inChat(ann);
    await unread(ann, 'nav a[data-pair]', 1);
    await ann.locator('nav a[data-pair]').press('Enter');
    await line(ann, 'I have to go soon.').waitFor();
  });
  await walk.step('Ann ends the pair', async () => {
    await ann.getByRole('button', { name: 'End chat' }).press('Enter');
    await ann.getByRole('button', { name: 'End it for both?' }).press('Enter');
    await ann.getByText('You ended this chat.').waitFor();
    await bob.getByText('This chat has ended.').first().waitFor();
  });
  await walk.step('Bob reads the pair in the list', async () => {
    await bob.getByRole('region', { name: 'Earlier partners' }).getByRole('link', { name: /Ann/ }).press('Enter');
    await line(bob, 'I have to go soon.').waitFor();
    await bob.getByText('You can read it for 30 days', { exact: false }).waitFor();
  });
  await walk.step('Ann goes back to the group, and deletes it', async () => {
    await ann.getByRole('link', { name: /^Ducks/ }).press('Enter');
    await line(ann, 'Welcome!').waitFor();
    await ann.getByRole('button', { name: 'Delete the group' }).press('Enter');
    await ann.getByRole('button', { name: 'Delete', exact: true }).press('Enter');
    for (const page of [ann, bob]) await page.getByText('No groups yet.').waitFor();
  });
  await walk.step('both go back to the park', async () => {
    for (const page of [ann, bob]) {
      await page.getByRole('link', { name: /^Park/ }).press('Enter');
      await line(page, 'Hello! Is anybody here?').waitFor();
    }
  });
  await walk.step('Bob logs out, and Ann sees him go', async () => {
    await bob.getByRole('button', { name: 'Log out' }).press('Enter');
    await bob.getByLabel('Nickname').waitFor();
    walk.restarts('bob');
    await ann.locator('aside [data-person="Bob"]').waitFor({ state: 'detached' });
    expect(await ann.locator('aside').getByText(/more$/).count()).toBe(0);
  });
  expect(walk.faults).toEqual([]);
});
