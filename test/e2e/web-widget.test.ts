import type { Page } from 'playwright-core';
import { describe, expect, it } from 'vitest';

import { seriousFaults } from '#test/support/axe.ts';
import { newPerson, openTab, PATIENCE_MS, screenshot, threadOf } from '#test/support/browser.ts';
import { until } from '#test/support/wait.ts';
import { box, introduce, line, opener, WidgetStage, widgetOf, write } from '#test/support/widget-stage.ts';

const stage = WidgetStage.forFile();
const { problems } = stage;

/** An agent's page shows the conversation of a customer. */
async function openConversation(page: Page, customer: string): Promise<void> {
  await page.getByRole('navigation').getByRole('button', { name: customer }).click();
  await page.getByRole('heading', { name: customer }).waitFor();
}

async function answer(page: Page, text: string): Promise<void> {
  await page.getByLabel('Message', { exact: true }).fill(text);
  await page.keyboard.press('Enter');
  await page.locator('[data-state="stored"]').getByText(text, { exact: true }).waitFor();
}

describe('the widget in a page of another site', () => {
  it('[A5] [A10] waits for an agent, is answered, and finds the customer and the conversation again after a reload', async () => {
    const customer = await newPerson(stage.parts.browser);
    const { page, widget } = await stage.visit(customer);
    await screenshot(page, 'widget-form');
    await widget.locator('#name:focus').waitFor();
    expect(await seriousFaults(page)).toEqual([]);
    await introduce(widget, 'Zoe');
    await write(widget, 'Where is my parcel?\nIt is late.');
    await widget.getByText('Nobody is free right now.').waitFor();
    await screenshot(page, 'widget-queued');
    const top = async () => (await widget.locator('[data-messages]').boundingBox())?.y;
    const queuedTop = await top();

    // Who is offline when a conversation is opened gets it when they come.
    const max = await stage.agent('Max');
    await widget.getByText('You are talking to Max agent.').waitFor();
    // A shorter line above the messages does not move them.
    expect(await top()).toBe(queuedTop);
    await openConversation(max, 'Zoe');
    await max.getByText('Where is my parcel? It is late.').first().waitFor();
    await max.getByText('About the customer').click();
    await max.getByText(`${stage.parts.shop.origin}/`).waitFor();
    await box(widget).pressSequentially('And');
    await max.getByText('Zoe customer is typing').first().waitFor();
    await screenshot(max, 'agent-conversation');
    await answer(max, 'On its way: https://example.org/track?id=1.');
    await line(widget, 'On its way:').or(widget.getByText('On its way:')).first().waitFor();
    // The hub is told once a second at most: who goes on typing is seen to.
    await until(
      async () => {
        await max.getByLabel('Message', { exact: true }).press('y');
        return widget.getByText('Max agent is typing').isVisible();
      },
      { timeoutMs: PATIENCE_MS, describe: 'the customer sees the agent type' },
    );
    await screenshot(page, 'widget-answered');
    expect(await seriousFaults(page)).toEqual([]);
    expect(await seriousFaults(max)).toEqual([]);
    const link = widget.getByRole('link', { name: 'https://example.org/track?id=1' });
    expect(await link.getAttribute('rel')).toContain('noopener');
    expect(await link.getAttribute('href')).toBe('https://example.org/track?id=1');

    await page.reload();
    // The panel was open: it is again, nobody is asked their name, and nobody is taken away from what they do on the page.
    await widget.getByText('You are talking to Max agent.').waitFor();
    expect(await page.evaluate(() => document.activeElement?.tagName)).toBe('BODY');
    await widget.locator('[data-state="stored"]').getByText('On its way:').waitFor();
    expect(await widget.locator('[data-mine]').count()).toBe(1);
    const customers = await stage.parts.database.query("SELECT count(*)::int AS n FROM customers WHERE name = 'Zoe'");
    expect(customers[0]?.['n']).toBe(1);

    // Its cookie is out of reach of scripts, in this site's part of the jar, and nothing of it is anywhere else.
    const cookies = await customer.cookies(`${stage.hub.url}/api/v1/`);
    expect(cookies.toSorted((one, other) => one.name.length - other.name.length)).toMatchObject([
      { name: 'parley_visitor', httpOnly: true, secure: true, sameSite: 'None', partitionKey: 'http://localhost' },
      { name: 'parley_customer', httpOnly: true, secure: true, sameSite: 'None', partitionKey: 'http://localhost' },
      { name: 'parley_customer_in', value: '1', httpOnly: false, partitionKey: 'http://localhost' },
    ]);
    const readable = await page.evaluate(() => JSON.stringify({ ...localStorage, ...sessionStorage, cookie: document.cookie }));
    expect(readable).toContain('parley.kept.shop');
    for (const { value, httpOnly } of cookies) if (httpOnly) expect(readable).not.toContain(value);
    // A token, not any letters that a random name may have.
    expect(readable).not.toMatch(/eyJ[\w-]+\.[\w-]+\./);
  });

  it('[M6] shows what came while the page was closed, and how much of it is new', async () => {
    const customer = await newPerson(stage.parts.browser);
    const max = await stage.agent('Max');
    const { page, widget } = await stage.visit(customer);
    await introduce(widget, 'Yan');
    await write(widget, 'hello?');
    await widget.getByText('You are talking to Max agent.').waitFor();
    await page.close();
    await openConversation(max, 'Yan');
    await answer(max, 'here I am');
    await answer(max, 'are you still there?');

    const back = await openTab(customer, stage.parts.shop.origin, problems);
    await back.getByRole('button', { name: 'Chat with us (2)' }).waitFor();
    await screenshot(back, 'widget-unread');
    await opener(back).click();
    const again = widgetOf(back);
    await line(again, 'are you still there?').waitFor();
    await again.locator('textarea:focus').waitFor();
    expect(await again.locator('[data-state="stored"]').count()).toBe(3);
    await back.getByRole('button', { name: 'Chat with us', exact: true }).waitFor();
    // Put away, what comes is counted again; Escape in the widget puts it away.
    await box(again).press('Escape');
    await box(again).waitFor({ state: 'hidden' });
    expect(await back.evaluate(() => document.activeElement?.tagName)).toBe('PARLEY-WIDGET');
    await answer(max, 'one more');
    await back.getByRole('button', { name: 'Chat with us (1)' }).waitFor();
  });

  it('[A10] follows when the conversation is handed on and ended; who writes again begins a new one', async () => {
    const max = await stage.agent('Max');
    const { page, widget } = await stage.visit(await newPerson(stage.parts.browser));
    await introduce(widget, '<img src=x onerror=alert(1)>'.slice(0, 21));
    await write(widget, '<script>alert(1)</script> javascript:alert(1) "><svg onload=alert(1)>');
    await widget.getByText('You are talking to Max agent.').waitFor();
    const mia = await stage.agent('Mia');
    await openConversation(max, '<img src=x onerror=al');
    await max.getByRole('button', { name: 'Give to' }).click();
    await screenshot(max, 'agent-transfer');
    await max.getByRole('menuitem', { name: 'Mia' }).click();
    await widget.getByText('You are talking to Mia agent.').waitFor();
    await max.getByText('Mia agent has this conversation.').waitFor();
    // The longest name is cut. Its tag is not.
    const row = mia.getByRole('navigation').getByRole('button', { name: '<img src=x onerror=al' });
    await row.waitFor();
    const edges = await row.locator('bdi, [data-kind], time').evaluateAll((all) => all.map((one) => one.getBoundingClientRect()));
    const [called, tag, at] = edges;
    expect(called?.width).toBeGreaterThan(50);
    expect(tag?.right).toBeLessThanOrEqual(at?.left ?? 0);
    await openConversation(mia, '<img src=x onerror=al');
    await mia.getByText('<script>alert(1)</script>').last().waitFor();
    expect(await mia.getByRole('link').count()).toBe(0);
    await answer(mia, 'good bye');
    await mia.getByRole('button', { name: 'End', exact: true }).click();
    await screenshot(mia, 'agent-close');
    await mia.getByRole('button', { name: 'End it' }).click();
    await widget.getByText('This conversation has ended. Write again').waitFor();
    await mia.getByText('This conversation has ended.').waitFor();
    await screenshot(page, 'widget-ended');

    await write(widget, 'one more question');
    await widget.getByText(/You are talking to (Max|Mia) agent\./).waitFor();
    // The question moves nothing, and the focus is never lost.
    const place = () => widget.locator('[data-messages]').boundingBox();
    const before = await place();
    const end = widget.getByRole('button', { name: 'End', exact: true });
    await end.press('Enter');
    expect(await place()).toEqual(before);
    await widget.getByRole('button', { name: 'Go on' }).press('Enter');
    await widget.locator('header button:focus', { hasText: 'End' }).waitFor();
    await end.press('Enter');
    await widget.getByRole('button', { name: 'End it' }).press('Enter');
    await widget.getByText('This conversation has ended. Write again').waitFor();
    await widget.locator('[data-messages]:focus').waitFor();
    await page.reload();
    await widget.getByText('This conversation has ended. Write again').waitFor();
    await line(widget, 'one more question').waitFor();
    expect(
      (await stage.parts.database.query("SELECT 1 FROM conversations WHERE state = 'closed' AND customer_name LIKE '<img%'")).length,
    ).toBe(2);
  });

  it('[A10] [M6] shows the last words of a conversation that was ended while the customer was away; the agent reads it on', async () => {
    const customer = await newPerson(stage.parts.browser);
    const max = await stage.agent('Max');
    const { page, widget } = await stage.visit(customer);
    await introduce(widget, 'Wim');
    await write(widget, 'where is it?');
    await widget.getByText('You are talking to Max agent.').waitFor();
    await page.close();
    await openConversation(max, 'Wim');
    await answer(max, 'it comes today');
    await answer(max, 'good bye');
    await max.getByRole('button', { name: 'End', exact: true }).click();
    await max.getByRole('button', { name: 'End it' }).click();
    await max.getByText('This conversation has ended.').waitFor();

    const back = await openTab(customer, stage.parts.shop.origin, problems);
    await back.getByRole('button', { name: 'Chat with us (2)' }).waitFor();
    await opener(back).click();
    const again = widgetOf(back);
    await again.getByText('This conversation has ended. Write again').waitFor();
    for (const text of ['where is it?', 'it comes today', 'good bye']) await line(again, text).waitFor();
    await screenshot(back, 'widget-ended-away');
    // What was seen is known to be: it is not new another time.
    await until(
      async () => {
        const [cursor] = await stage.parts.database.query(
          'SELECT c.delivered FROM cursors c JOIN conversations v USING (room) WHERE c.user_id = v.customer_id AND v.customer_name = $1',
          ['Wim'],
        );
        return Number(cursor?.['delivered']) === 3;
      },
      { timeoutMs: PATIENCE_MS, describe: 'all of it is known to be read' },
    );
    await back.reload();
    await back.getByRole('button', { name: 'Chat with us', exact: true }).waitFor({ state: 'attached' });
    await line(again, 'good bye').waitFor();
    await write(again, 'thank you');
    await again.getByText('You are talking to Max agent.').waitFor();
    // The messages of the ended conversation stand above a line.
    await expect.poll(() => threadOf(again)).toEqual(['where is it?', 'it comes today', 'good bye', '---', 'thank you']);
    await screenshot(back, 'widget-earlier');

    await max.reload();
    await max.getByRole('tab', { name: /Ended/ }).click();
    await openConversation(max, 'Wim');
    await max.locator('[data-state="stored"]').getByText('where is it?').waitFor();
    await max.getByText('This conversation has ended.').waitFor();
    expect(await max.locator('li[data-state="stored"]').count()).toBe(3);
    expect(await max.getByLabel('Message', { exact: true }).count()).toBe(0);
    await screenshot(max, 'agent-ended');
    expect(await seriousFaults(max)).toEqual([]);
  });

  it('[R5] goes on where the line broke, and sends once what was written meanwhile', async () => {
    const customer = await newPerson(stage.parts.browser);
    const max = await stage.agent('Max');
    const { page, widget } = await stage.visit(customer);
    await introduce(widget, 'Xia');
    await write(widget, 'first');
    await openConversation(max, 'Xia');
    await customer.setOffline(true);
    await widget.getByText('You are offline.').waitFor();
    await box(widget).fill('written while away');
    await box(widget).press('Enter');
    await widget.locator('[data-state="pending"]').waitFor();
    await screenshot(page, 'widget-offline');
    await answer(max, 'said meanwhile');
    await customer.setOffline(false);
    await line(widget, 'written while away').waitFor();
    await line(widget, 'said meanwhile').waitFor();
    await max.locator('[data-state="stored"]').getByText('written while away').waitFor();
    expect(await widget.locator('li[data-state]').filter({ hasText: 'written while away' }).count()).toBe(1);
  });

  it('[M2] outlives the hub: what was written meanwhile is sent once when it is back', async () => {
    const max = await stage.agent('Max');
    const { page, widget } = await stage.visit(await newPerson(stage.parts.browser));
    await introduce(widget, 'Vera');
    await write(widget, 'before');
    await openConversation(max, 'Vera');
    await answer(max, 'I hear you');
    await stage.hub.kill9();
    await widget.getByText('Connection lost.').waitFor();
    await max.locator('#banner[data-tone="warning"]').waitFor();
    await screenshot(page, 'widget-reconnecting');
    await box(widget).fill('are you there?');
    await box(widget).press('Enter');
    await widget.locator('li[data-state="pending"]').waitFor();
    await max.getByLabel('Message', { exact: true }).fill('one moment');
    await max.keyboard.press('Enter');
    await stage.restart();
    const all = ['before', 'I hear you', 'are you there?', 'one moment'];
    for (const lines of [widget.locator('li[data-state="stored"]'), max.locator('li[data-state="stored"]')]) {
      await until(async () => (await lines.count()) === all.length, { timeoutMs: PATIENCE_MS, describe: 'both sides have all of it' });
      for (const text of all) expect(await lines.getByText(text, { exact: true }).count(), text).toBe(1);
    }
    await widget.getByText('You are talking to Max agent.').waitFor();
    expect(await widget.locator('[data-gap]').count()).toBe(0);
  });
});
