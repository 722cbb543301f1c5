import type { Page } from 'playwright-core';

import { ADMIN_PASSWORD } from '#test/support/admin-page.ts';
import { atDesk } from '#test/support/agents.ts';
import { newPerson, openTab } from '#test/support/browser.ts';
import { inChat } from '#test/support/chat-page.ts';
import { type Kind, LOCALES, type PageWorld, TEXTS, type Viewer } from './page-world.ts';

/** Sets size and colours of a tab before its first request. */
type Dress = (page: Page) => Promise<void>;

/** A page in one state. */
interface WalkedPage {
  readonly name: string;
  /** Those who can see it. */
  readonly kinds: readonly Kind[];
  /** Whether the screenshot shows more than the window. */
  readonly whole?: boolean;
  /** Opens it in a tab of the viewer. Resolves when it shows everything. */
  readonly open: (world: PageWorld, viewer: Viewer, dress: Dress) => Promise<Page>;
}

const NOBODY = ['nobody'] as const;
const PEOPLE = ['guest', 'registered'] as const;

/** A page of the hub. `shows`: what it has at last. */
const plain =
  (path: string, shows: string) =>
  async (world: PageWorld, viewer: Viewer, dress: Dress): Promise<Page> => {
    const page = await openTab(await world.person(viewer), new URL(path, world.hub.chatLink).href, world.problems, dress);
    await page.locator(shows).first().waitFor();
    return page;
  };

/** A place in the chat. */
const chat =
  (shows: string, hash: (world: PageWorld, viewer: Viewer) => string | Promise<string>) =>
  async (world: PageWorld, viewer: Viewer, dress: Dress): Promise<Page> => {
    const page = await plain(`/${await hash(world, viewer)}`, '[data-chat]')(world, viewer, dress);
    await inChat(page);
    await page.locator(shows).first().waitFor();
    return page;
  };

async function workbench(world: PageWorld, viewer: Viewer, dress: Dress): Promise<Page> {
  await world.desk();
  const page = await openTab(await world.person(viewer), `${world.hub.url}/agent`, world.problems, dress);
  await atDesk(page);
  await page
    .getByRole('navigation')
    .getByRole('button', { name: /Ivy|Jon|Kim|Lea/ })
    .first()
    .waitFor();
  return page;
}

async function admin({ browser, hub, problems }: PageWorld, { language }: Viewer, dress: Dress): Promise<Page> {
  const person = await newPerson(browser, {
    locale: LOCALES[language],
    httpCredentials: { username: 'oncall', password: ADMIN_PASSWORD },
  });
  const page = await openTab(person, `http://127.0.0.1:${hub.adminPort}/admin/`, problems, dress);
  await page.locator('[data-verdict]:not([data-verdict="unknown"])').waitFor();
  await page.locator('[data-person]').first().waitFor();
  return page;
}

async function adminPerson(world: PageWorld, viewer: Viewer, dress: Dress): Promise<Page> {
  const page = await admin(world, viewer, dress);
  await page.locator('[data-person]').first().click();
  await page.getByRole('dialog').getByText(TEXTS[viewer.language].admin.person.actions).waitFor();
  return page;
}

/** The admin page with the row of a button open. `shows`: what its drawer has at last. */
const adminRow =
  (opens: string, shows: string) =>
  async (world: PageWorld, viewer: Viewer, dress: Dress): Promise<Page> => {
    const page = await admin(world, viewer, dress);
    await page.locator(opens).first().click();
    await page.getByRole('dialog').locator(shows).first().waitFor();
    return page;
  };

/** Every page, in the order of a walk: nobody is paired before the search for a partner is seen. */
export const PAGES: readonly WalkedPage[] = [
  { name: 'entry', kinds: NOBODY, open: plain('', '#entry form') },
  {
    name: 'entry-code',
    kinds: NOBODY,
    open: async (world, viewer, dress) => {
      const page = await plain('', '#entry form')(world, viewer, dress);
      await world.askForCode(page, viewer.language, 'somebody@example.org');
      return page;
    },
  },
  { name: 'lobby', kinds: PEOPLE, open: chat('nav', () => '#/') },
  { name: 'park', kinds: PEOPLE, open: chat('main[data-state="open"] [data-text]', () => '#/room/park') },
  {
    name: 'group-people',
    kinds: PEOPLE,
    open: async (world, viewer, dress) => {
      const hash = async () => `#/room/${encodeURIComponent(await world.group(viewer))}`;
      const page = await chat('main[data-state="open"] [data-text]', hash)(world, viewer, dress);
      const button = page.getByRole('button', { name: TEXTS[viewer.language].chat.showPeople });
      if ((await button.getAttribute('aria-expanded')) === 'false') await button.click();
      await page.locator('aside [data-person]').first().waitFor();
      return page;
    },
  },
  { name: 'pair-search', kinds: PEOPLE, open: chat('main[data-pair-state]', () => '#/pair') },
  {
    name: 'pair',
    kinds: PEOPLE,
    open: async (world, viewer, dress) => {
      await world.pair(viewer);
      return await chat('main[data-state="open"] [data-text]', () => '#/pair')(world, viewer, dress);
    },
  },
  {
    name: 'widget-form',
    kinds: NOBODY,
    open: async (world, viewer, dress) => world.visit(await world.person(viewer), viewer.language, dress),
  },
  {
    name: 'widget',
    kinds: ['customer'],
    open: async (world, viewer, dress) => {
      await world.desk();
      const page = await world.visit(await world.person(viewer), viewer.language, dress);
      await page.frameLocator('parley-widget iframe').locator('li[data-state="stored"]').first().waitFor();
      return page;
    },
  },
  { name: 'workbench-login', kinds: NOBODY, open: plain('/agent', 'input[type="password"]') },
  { name: 'workbench-inbox', kinds: ['agent'], open: workbench },
  {
    name: 'workbench-conversation',
    kinds: ['agent'],
    open: async (world, viewer, dress) => {
      const page = await workbench(world, viewer, dress);
      await page
        .getByRole('navigation')
        .getByRole('button', { name: /Ivy|Jon|Kim|Lea/ })
        .first()
        .click();
      await page.locator('li[data-state="stored"]').first().waitFor();
      await page.locator('section[aria-busy="false"]').waitFor();
      return page;
    },
  },
  { name: 'admin', kinds: ['admin'], whole: true, open: admin },
  { name: 'admin-node', kinds: ['admin'], open: adminRow('[data-opens^="#/node/"]', '[data-limit]') },
  { name: 'admin-room', kinds: ['admin'], open: adminRow('[data-opens="#/room/park"]', '[data-person]') },
  { name: 'admin-queue', kinds: ['admin'], open: adminRow('[data-opens="#/queue/mail"]', '[role="radiogroup"]') },
  { name: 'admin-person', kinds: ['admin'], open: adminPerson },
  {
    name: 'admin-ban',
    kinds: ['admin'],
    open: async (world, viewer, dress) => {
      const text = TEXTS[viewer.language].admin;
      const page = await adminPerson(world, viewer, dress);
      await page.getByRole('button', { name: text.person.banAction }).click();
      await page.getByLabel(text.confirm.ban.reason).waitFor();
      return page;
    },
  },
  {
    name: 'admin-notice',
    kinds: ['admin'],
    open: async (world, viewer, dress) => {
      const text = TEXTS[viewer.language].admin.notice;
      const page = await admin(world, viewer, dress);
      const form = page.getByRole('region', { name: text.title });
      await form.getByLabel(text.text, { exact: true }).fill('The park closes at eight.');
      await form.getByRole('button', { name: text.send }).click();
      await page.getByRole('dialog', { name: text.confirmTitle }).waitFor();
      return page;
    },
  },
  { name: 'mailbox', kinds: PEOPLE, whole: true, open: plain('/dev/mailbox', 'article, .none') },
  {
    name: 'docs',
    kinds: NOBODY,
    open: async (world, viewer, dress) => {
      const page = await plain('/docs', '#createGuest')(world, viewer, dress);
      await page.locator('#createGuest summary').click();
      await page.locator('#createGuest .curl').waitFor();
      return page;
    },
  },
  { name: 'error', kinds: [...NOBODY, ...PEOPLE], open: plain('/no-such-page', '.start h1') },
  {
    name: 'old-browser',
    kinds: NOBODY,
    open: async (world, viewer, dress) => {
      const page = await openTab(await world.person(viewer), world.hub.url, world.problems, async (tab) => {
        await dress(tab);
        // As in a browser that cannot read them, nothing of the scripts runs.
        await tab.route('**/*.js', (route) => route.abort());
      });
      await page.evaluate(() => {
        for (const animation of document.getAnimations()) animation.finish();
      });
      await page.locator('.start').getByText('Parley runs in').waitFor();
      return page;
    },
  },
];
