import type { Browser, BrowserContext, FrameLocator, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';

import { addAgents, logInAsAgent } from '#test/support/agents.ts';
import { AllInOne } from '#test/support/all-in-one.ts';
import { launchBrowser, newPerson, openTab, threadOf } from '#test/support/browser.ts';
import { PostgresDatabase } from '#test/support/postgres.ts';
import { ShopSite } from '#test/support/shop-site.ts';
import { Walk, watchShifts } from './walk.ts';

let database: PostgresDatabase;
let shop: ShopSite;
let hub: AllInOne;
let browsers: readonly Browser[] = [];
let walk: Walk;

beforeAll(async () => {
  [database, shop] = await Promise.all([PostgresDatabase.create(), ShopSite.start()]);
  walk = await Walk.begin('shop');
  hub = await AllInOne.start({ DATABASE_URL: database.url, ALLOWED_ORIGINS: shop.origin });
  shop.embed(hub.url);
  await addAgents(database.url, 'Max', 'Mia');
  browsers = await Promise.all([launchBrowser(), launchBrowser()]);
});

afterAll(async () => {
  walk?.end();
  await Promise.all(browsers.map((browser) => browser.close()));
  await hub?.kill9();
  await Promise.all([shop?.stop(), database?.drop()]);
});

const widgetOf = (page: Page): FrameLocator => page.frameLocator('parley-widget iframe');
const said = (place: Page | FrameLocator, text: string) => place.locator('li[data-state="stored"]').getByText(text, { exact: true });

async function write(place: Page | FrameLocator, text: string): Promise<void> {
  const field = place.getByLabel('Message', { exact: true });
  await field.fill(text);
  await field.press('Enter');
  await said(place, text).waitFor();
}

it("a shop's customer in two tabs and an agent come through a transfer, an end, and the customer's return", async () => {
  const open = async (who: string, person: BrowserContext, address: string): Promise<Page> => {
    const page = await openTab(person, address, walk.faults, watchShifts);
    walk.shows(who, page);
    return page;
  };
  const [customers, desk] = browsers;
  if (customers === undefined || desk === undefined) throw new Error('the browsers have not started');
  const zoe = await newPerson(customers);
  const row = (page: Page) => page.getByRole('navigation').getByRole('button', { name: 'Zoe' });

  const first = await walk.step('Zoe opens the shop', () => open('zoe', zoe, shop.origin));
  const widget = widgetOf(first);
  await walk.step('Zoe opens the widget', async () => {
    await first.getByRole('button', { name: 'Chat with us' }).press('Enter');
    await widget.getByLabel('Your name').waitFor();
  });
  await walk.step('Zoe gives a name', async () => {
    await widget.locator('#name:focus').waitFor();
    await first.keyboard.type('Zoe');
    await first.keyboard.press('Enter');
    await widget.getByLabel('Message', { exact: true }).waitFor();
  });
  await walk.step('Zoe asks, and waits', async () => {
    await write(widget, 'Where is my parcel?');
    await widget.getByText('Nobody is free right now.').waitFor();
  });
  const second = await walk.step('Zoe opens the widget in a second tab', async () => {
    const page = await open('zoe-2', zoe, shop.origin);
    await page.getByRole('button', { name: 'Chat with us' }).press('Enter');
    await said(widgetOf(page), 'Where is my parcel?').waitFor();
    return page;
  });
  const other = widgetOf(second);

  const max = await walk.step('Max opens the workbench', async () => open('max', await newPerson(desk), `${hub.url}/agent`));
  await walk.step('Max logs in, and both tabs of Zoe say so', async () => {
    await logInAsAgent(max, 'Max');
    for (const place of [widget, other]) await place.getByText('You are talking to Max agent.').waitFor();
  });
  await walk.step('Max opens the conversation', async () => {
    await row(max).press('Enter');
    await said(max, 'Where is my parcel?').waitFor();
    await max.getByRole('region', { name: 'Zoe' }).getByRole('img', { name: 'The customer is online' }).waitFor();
  });
  await walk.step('Max answers, and both tabs show it', async () => {
    await write(max, 'One moment, I ask the depot.');
    for (const place of [widget, other]) await said(place, 'One moment, I ask the depot.').waitFor();
  });
  await walk.step('Zoe writes in the second tab', async () => {
    await write(other, 'Thank you!');
    for (const place of [widget, max]) await said(place, 'Thank you!').waitFor();
  });

  const mia = await walk.step('Mia logs in', async () => {
    const page = await open('mia', await newPerson(desk), `${hub.url}/agent`);
    await logInAsAgent(page, 'Mia');
    return page;
  });
  await walk.step('Max gives the conversation to Mia', async () => {
    await max.getByRole('button', { name: 'Give to' }).press('Enter');
    await max.getByRole('menuitem', { name: 'Mia' }).press('Enter');
    for (const place of [widget, other]) await place.getByText('You are talking to Mia agent.').waitFor();
    await max.getByText('Mia agent has this conversation.').waitFor();
  });
  await walk.step('Mia reads what was said, and answers', async () => {
    await row(mia).press('Enter');
    await said(mia, 'Thank you!').waitFor();
    await write(mia, 'It comes tomorrow.');
    for (const place of [widget, other]) await said(place, 'It comes tomorrow.').waitFor();
  });
  await walk.step('Mia ends the conversation', async () => {
    await mia.getByRole('button', { name: 'End', exact: true }).press('Enter');
    await mia.getByRole('button', { name: 'End it' }).press('Enter');
    for (const place of [widget, other]) await place.getByText('This conversation has ended. Write again').waitFor();
    await mia.getByText('This conversation has ended.').waitFor();
  });
  const before = ['Where is my parcel?', 'One moment, I ask the depot.', 'Thank you!', 'It comes tomorrow.'];
  const thread = [...before, '---', 'It came, but it is broken.'];
  await walk.step('Zoe comes back in the first tab and writes', async () => {
    await first.reload();
    await write(widget, 'It came, but it is broken.');
    for (const place of [widget, other]) await expect.poll(() => threadOf(place)).toEqual(thread);
  });
  await walk.step('the agent who gets it sees what was said before above a line', async () => {
    const name = await widget.getByText(/^You are talking to (Max|Mia) agent\.$/).textContent();
    const agent = name?.includes('Max') === true ? max : mia;
    await agent.getByRole('tab', { name: /^Mine/ }).press('Enter');
    await row(agent).first().press('Enter');
    await expect.poll(() => threadOf(agent)).toEqual(thread);
    await write(agent, 'I am sorry! We send another one.');
    for (const place of [widget, other]) await said(place, 'I am sorry! We send another one.').waitFor();
  });
  await walk.step('Zoe ends it', async () => {
    await other.getByRole('button', { name: 'End', exact: true }).press('Enter');
    await other.getByRole('button', { name: 'End it' }).press('Enter');
    for (const place of [widget, other]) await place.getByText('This conversation has ended. Write again').waitFor();
  });
  expect(walk.faults).toEqual([]);
});
