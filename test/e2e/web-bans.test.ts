import type { Page } from 'playwright-core';
import { describe, expect, it } from 'vitest';

import { ADMIN_PASSWORD, act, lookUp, openAdmin } from '#test/support/admin-page.ts';
import { addAgents, logInAsAgent } from '#test/support/agents.ts';
import { seriousFaults } from '#test/support/axe.ts';
import { connected, enterAsGuest, newPerson, openTab, PATIENCE_MS, screenshot } from '#test/support/browser.ts';
import { until } from '#test/support/wait.ts';
import { WebStage } from '#test/support/web-stage.ts';

const stage = WebStage.forFile({ ADMIN_PASSWORD });
const { problems } = stage;

const open = (): Promise<Page> => openAdmin({ browser: stage.browser, url: `http://127.0.0.1:${stage.hub.adminPort}/admin/`, problems });

/** Bans the person whose panel is open, for a day. */
async function ban(page: Page): Promise<void> {
  await page.getByRole('button', { name: 'Ban…' }).click();
  await page.getByLabel('For how long').selectOption('86400');
  await page.getByLabel('Reason').fill('Three warnings.');
  await page.keyboard.press('Enter');
  await page.getByRole('status').getByText('Banned').waitFor();
}

const TOLD = /^You are banned until [A-Z][a-z]{2} \d+, \d{4}, \d+:\d\d.[AP]M\. .* Reason: Three warnings\.$/;

describe('a ban', () => {
  it('[A17] a banned guest reads until when and why, also after a reload, and starts over in vain until the ban is lifted', async () => {
    const person = await newPerson(stage.browser);
    const chat = await openTab(person, stage.hub.url, problems);
    const made = chat.waitForResponse('**/api/v1/guests');
    await enterAsGuest(chat, 'Gus');
    const { user } = (await (await made).json()) as { readonly user: { readonly id: string } };
    const page = await open();
    await lookUp(page, 'Gus', user.id);
    await ban(page);
    await chat.locator('#banner-text', { hasText: TOLD }).waitFor();
    await screenshot(chat, 'banned-banner');
    expect(await seriousFaults(chat)).toEqual([]);
    // The person starts over, by keyboard.
    await chat.getByRole('button', { name: 'Start over' }).focus();
    await chat.keyboard.press('Enter');
    await chat.getByRole('alert').filter({ hasText: TOLD }).waitFor();
    await chat.reload();
    await chat.getByRole('alert').filter({ hasText: TOLD }).waitFor();
    await screenshot(chat, 'banned-entry');
    await chat.getByLabel('Nickname').fill('Nobody');
    await chat.keyboard.press('Enter');
    await chat.locator('#entry-error', { hasText: TOLD }).waitFor();
    // A private window of the same machine has no cookie. It has the address.
    const other = await newPerson(stage.browser, { locale: 'zh-CN', colorScheme: 'dark', viewport: { width: 360, height: 740 } });
    const away = await openTab(other, stage.hub.url, problems);
    await away.getByLabel('昵称').fill('新人');
    await away.keyboard.press('Enter');
    await away
      .locator('#entry-error', { hasText: /^你已被封禁，解封时间：\d{4}年\d+月\d+日 \d+:\d\d。.*原因：Three warnings\.$/ })
      .waitFor();
    await screenshot(away, 'banned-chinese-dark-small');
    await act(page, 'Lift the ban…', 'Lift the ban', 'The ban is lifted');
    await until(
      async () => {
        const answered = away.waitForResponse('**/api/v1/guests');
        await away.keyboard.press('Enter');
        return (await answered).status() === 201;
      },
      { timeoutMs: PATIENCE_MS, describe: 'the neighbour is let in' },
    );
    await chat.reload();
    await connected(chat);
    await chat.locator('#me', { hasText: 'You are Gus, a guest' }).waitFor();
  });

  it('[A17] ends the widget and the workbench, which say until when and why, also after a reload', async () => {
    await addAgents(stage.database.url, 'Max');
    const widget = await openTab(await newPerson(stage.browser), `${stage.hub.url}/widget.html?lang=en&channel=shop`, problems);
    await widget.getByLabel('Your name').fill('Zoe');
    await widget.keyboard.press('Enter');
    await widget.getByRole('textbox', { name: 'Message' }).waitFor();
    const desk = await openTab(await newPerson(stage.browser), `${stage.hub.url}/agent`, problems);
    await logInAsAgent(desk, 'Max');
    const page = await open();
    for (const name of ['Zoe', 'Max']) {
      const known = () => stage.database.query('SELECT user_id FROM seen WHERE name = $1', [name]);
      await until(async () => (await known()).length === 1, { timeoutMs: PATIENCE_MS, describe: `${name} is known` });
      await lookUp(page, name, String((await known())[0]?.['user_id']));
      await ban(page);
      await page.keyboard.press('Escape');
    }
    const inWidget = widget.getByRole('alert').filter({ hasText: 'Reason: Three warnings.' });
    await inWidget.getByText(TOLD).waitFor();
    await desk.getByText(TOLD).first().waitFor();
    await screenshot(widget, 'banned-widget');
    await screenshot(desk, 'banned-workbench');
    for (const one of [widget, desk]) expect(await seriousFaults(one)).toEqual([]);
    await widget.reload();
    await inWidget.getByText(TOLD).waitFor();
    await desk.reload();
    await desk.getByText(TOLD).first().waitFor();
    await screenshot(desk, 'banned-workbench-reloaded');
  });
});
