import type { Browser, Locator, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it, onTestFinished } from 'vitest';

import { ADMIN_PASSWORD, act, chartNumbers, chartsDrawn, inform, informed, lookUp, openAdmin } from '#test/support/admin-page.ts';
import { ApiProcess } from '#test/support/api-process.ts';
import { seriousFaults } from '#test/support/axe.ts';
import { launchBrowser, PATIENCE_MS, screenshot } from '#test/support/browser.ts';
import type { RedisServer } from '#test/support/redis-server.ts';
import { TcpProxy } from '#test/support/tcp-proxy.ts';
import { TestHub } from '#test/support/test-hub.ts';
import { until } from '#test/support/wait.ts';

let browser: Browser;
let nodes: TestHub<RedisServer>;
let api: ApiProcess;
const problems: string[] = [];

TestHub.showLogs(() => nodes);
beforeAll(async () => {
  [browser, nodes] = await Promise.all([launchBrowser(), TestHub.single({ gateways: 2 })]);
  api = await ApiProcess.start({ ...nodes.settings, ADMIN_PASSWORD, ALLOW_CUSTOMERS: 'on' });
});
afterEach(async () => {
  await Promise.all(browser.contexts().map((context) => context.close()));
  await nodes.clear();
  expect(problems.splice(0)).toEqual([]);
});
afterAll(async () => {
  await browser?.close();
  await api?.kill9();
  await nodes?.stop();
});

const openNodes = (port = api.adminPort) => openAdmin({ browser, url: `http://127.0.0.1:${port}/admin/`, problems });
const verdict = (page: Page, words: string) => page.getByRole('heading', { level: 1, name: words }).waitFor({ timeout: 60_000 });

describe('the admin page of several nodes', () => {
  it('[A13] adds up what two gateways have, and reaches people on both', async () => {
    const page = await openNodes();
    await verdict(page, 'All is well');
    for (const { node } of nodes.gateways) await page.locator(`[data-node="${node}"][data-state="serving"]`).waitFor();
    const [one, two] = [await nodes.client('ann', 0), await nodes.client('ann', 1)];
    const bob = await nodes.client('bob', 1);
    await Promise.all([one.join('den'), bob.join('den')]);
    await page.locator('[data-tile="online"] dd').getByText('2', { exact: true }).waitFor();
    await page.locator('[data-tile="connections"] dd').getByText('3', { exact: true }).waitFor();
    await page
      .locator(`[data-node="${nodes.gateway(1).node}"] [data-fact="connections"] dd`)
      .getByText('2', { exact: true })
      .waitFor();
    await page.locator('[data-room="den"] td').getByText('2', { exact: true }).waitFor();
    await page.locator('[data-tile="redis"] dd').getByText('answers').waitFor();
    await screenshot(page, 'admin-nodes');
    await inform(page, { kind: 'room', label: 'Name of the room', name: 'den' }, 'To the den.');
    await until(() => informed(one, 'To the den.') && informed(bob, 'To the den.'), { timeoutMs: PATIENCE_MS });
    await lookUp(page, 'ann', 'ann');
    await page.getByText('online, 2 connections').waitFor();
    await act(page, 'Disconnect…', 'Disconnect', 'Disconnected');
    expect([(await one.closed).code, (await two.closed).code]).toEqual([4510, 4510]);
    expect(bob.connected).toBe(true);
  });

  it('[A13] shows a gateway that drains, until it has left in order', async () => {
    const page = await openNodes();
    const leaving = await nodes.add();
    const row = page.locator(`[data-node="${leaving.node}"]`);
    await row.getByText('Serving').waitFor();
    await nodes.client('ann', nodes.gateways.indexOf(leaving));
    const draining = async () => {
      const told = await page.request.get(`http://127.0.0.1:${api.adminPort}/admin/api/nodes`);
      const { nodes: all } = (await told.json()) as { nodes: { id: string; state: string }[] };
      return all.some(({ id, state }) => id === leaving.node && state === 'draining');
    };
    const ended = leaving.term(60_000);
    await until(draining, { timeoutMs: PATIENCE_MS, describe: 'it told that it drains' });
    // A drain of one person is over in two seconds: time is stopped, to look.
    leaving.freeze();
    try {
      await row.getByText('Draining').waitFor();
      await verdict(page, 'Keep an eye on this');
      await page.getByText(`Draining: ${leaving.node}`).first().waitFor();
      await screenshot(page, 'admin-draining');
    } finally {
      leaving.thaw();
    }
    expect(await ended).toBe(0);
    await row.waitFor({ state: 'detached' });
    await verdict(page, 'All is well');
  });

  it('[A13] names a gateway that froze, and is at ease when it moves again', async () => {
    const page = await openNodes();
    const frozen = nodes.gateway(1);
    await page.locator(`[data-node="${frozen.node}"][data-state="serving"]`).waitFor();
    frozen.freeze();
    try {
      await page.locator(`[data-node="${frozen.node}"][data-state="lost"]`).getByText('Lost', { exact: true }).waitFor({ timeout: 60_000 });
      await verdict(page, 'Something is wrong');
      await page.getByText(`Lost without notice: ${frozen.node}`).first().waitFor();
      await page.locator('[data-tile="gateways"] dd').getByText('1 / 2').waitFor();
      await screenshot(page, 'admin-lost');
    } finally {
      frozen.thaw();
    }
    await page.locator(`[data-node="${frozen.node}"][data-state="serving"]`).waitFor({ timeout: 60_000 });
    await verdict(page, 'All is well');
  });

  it('[A13] tells that Redis is away', async () => {
    const page = await openNodes();
    await verdict(page, 'All is well');
    nodes.backend.pause();
    try {
      await verdict(page, 'Something is wrong');
      await page.getByText('Redis does not answer').first().waitFor();
      await page.locator('[data-tile="redis"][data-bad="true"]').getByText('does not answer').waitFor();
      await screenshot(page, 'admin-redis-away');
    } finally {
      nodes.backend.resume();
    }
    await verdict(page, 'All is well');
    // 503, as it should.
    problems.splice(0);
  });

  it('[A13] tells that PostgreSQL is away', async () => {
    const { DATABASE_URL = '' } = nodes.settings;
    const proxy = await TcpProxy.start({ target: Number(new URL(DATABASE_URL).port) });
    onTestFinished(() => proxy.stop());
    const through = new URL(DATABASE_URL);
    through.port = String(proxy.port);
    const other = await ApiProcess.start({ ...nodes.settings, DATABASE_URL: through.href, ADMIN_PASSWORD });
    onTestFinished(() => other.kill9());
    const page = await openNodes(other.adminPort);
    await verdict(page, 'All is well');
    proxy.refuse();
    await verdict(page, 'Something is wrong');
    await page.getByText('PostgreSQL does not answer').first().waitFor();
    // What does not need it goes on.
    await page.locator('[data-tile="redis"] dd').getByText('answers').waitFor();
    await screenshot(page, 'admin-postgres-away');
    proxy.heal();
    await verdict(page, 'All is well');
    // 503, as it should.
    problems.splice(0);
  });

  it('[A13] shows what waits in the queues, says which does not move, and leads to their board', async () => {
    // There is no worker: it waits.
    expect((await api.post('/auth/code', { account: 'ann@mail.test' })).status).toBe(202);
    const page = await openNodes();
    await page.locator('[data-queue="mail"] [data-count="waiting"]').getByText('1', { exact: true }).waitFor();
    // A code is waited for: a queue that does not move is told.
    await verdict(page, 'Keep an eye on this');
    await page.getByText('Queue Mail does not move').first().waitFor();
    expect(await page.content()).not.toContain('mail.test');
    const opened = page.context().waitForEvent('page');
    await page.getByRole('link', { name: /Queue board/ }).click();
    const board = await opened;
    await board.waitForURL('**/admin/queues**');
    await board.getByText('room-expiry').first().waitFor();
  });
});

describe('the rows of the admin page', () => {
  const dialog = (page: Page, name: string | RegExp) => page.getByRole('dialog', { name });
  const hashOf = (page: Page) => page.evaluate(() => location.hash);
  const isFocused = (row: Locator) =>
    until(() => row.evaluate((element) => element === document.activeElement), { timeoutMs: PATIENCE_MS, describe: 'focus is back' });

  it('[A13] open a gateway by a click anywhere, with its people, rooms and limits', async () => {
    const { node } = nodes.gateway(1);
    await Promise.all([nodes.client('ann', 1), nodes.client('ann', 1)]);
    await (await nodes.client('bob', 1)).join('den');
    const page = await openNodes();
    const version = await page.locator(`[data-node="${node}"] [data-fact="version"] dd`).boundingBox();
    await page.mouse.click((version?.x ?? 0) + 5, (version?.y ?? 0) + 5);
    const drawer = dialog(page, node);
    const detail = (key: string) => drawer.locator(`[data-detail="${key}"] dd`);
    await detail('users').getByText('2', { exact: true }).waitFor();
    await detail('rooms').getByText('1', { exact: true }).waitFor();
    await detail('connections')
      .getByText(/^3 of [\d,]+$/)
      .waitFor();
    await detail('loop').getByText(/ms$/).waitFor();
    await detail('heard')
      .getByText(/ sec ago$/)
      .waitFor();
    await drawer
      .locator('[data-limit="messageChars"] dd')
      .getByText(/^[\d,]+$/)
      .waitFor();
    expect(await hashOf(page)).toBe(`#/node/${encodeURIComponent(node)}`);
    expect(await seriousFaults(page)).toEqual([]);
    await screenshot(page, 'admin-node');
    // The browser's own way back closes it.
    await page.goBack();
    await drawer.waitFor({ state: 'detached' });
    await page.goto(`${page.url().replace(/#.*/, '')}#/node/nowhere`);
    await dialog(page, 'nowhere').getByText('No such gateway reports its state').waitFor();
  });

  it('[A13] open a room by keyboard: its people on both gateways, its last message, and a reload keeps it', async () => {
    const [ann, bob] = [await nodes.client('ann', 0), await nodes.client('bob', 1)];
    await Promise.all([ann.join('den'), bob.join('den')]);
    await ann.message('den', 'secret words');
    const page = await openNodes();
    const row = page.locator('[data-opens="#/room/den"]');
    await row.focus();
    await page.keyboard.press('Space');
    const drawer = dialog(page, 'den');
    for (const [index, name] of [nodes.gateway(0).node, nodes.gateway(1).node].entries())
      await drawer
        .locator(`[data-person="${index === 0 ? 'ann' : 'bob'}"]`)
        .getByText(`1 connection · ${name}`)
        .waitFor();
    await drawer
      .locator('[data-detail="last"] dd')
      .getByText(/, offset 1$/)
      .waitFor();
    expect(await page.content()).not.toContain('secret words');
    expect(await seriousFaults(page)).toEqual([]);
    await screenshot(page, 'admin-room');
    await page.keyboard.press('Escape');
    await drawer.waitFor({ state: 'detached' });
    await isFocused(row);
    await page.keyboard.press('Enter');
    await drawer.waitFor();
    expect(await hashOf(page)).toBe('#/room/den');
    await page.reload();
    await drawer.locator('[data-person="bob"]').waitFor();
    // From the room to one of its people, and back to the row.
    await drawer.locator('[data-person="bob"]').click();
    await dialog(page, 'bob').getByText('What you can do').waitFor();
    await page.keyboard.press('Escape');
    await dialog(page, 'bob').waitFor({ state: 'detached' });
    await isFocused(row);
  });

  it('[A13] open a queue: its jobs by state, each with its place on the board, and no payload', async () => {
    expect((await api.post('/auth/code', { account: 'ann@mail.test' })).status).toBe(202);
    const page = await openNodes();
    const row = page.locator('[data-opens="#/queue/mail"]');
    await row.focus();
    await page.keyboard.press('Enter');
    const drawer = dialog(page, 'Jobs: Mail');
    const job = drawer.locator('[data-job]').first();
    await job.locator('[data-detail="attempts"] dd').getByText('0 of 20').waitFor();
    await job.locator('[data-detail="state"] dd').getByText('Waiting').waitFor();
    for (const key of ['made', 'due']) expect(await job.locator(`[data-detail="${key}"] dd`).textContent()).toMatch(/\d{4}/);
    expect(await page.content()).not.toMatch(/mail\.test|sealed/);
    expect(await seriousFaults(page)).toEqual([]);
    await screenshot(page, 'admin-queue');
    const id = String(await job.getAttribute('data-job'));
    const opened = page.context().waitForEvent('page');
    await job.getByRole('link', { name: id }).click();
    const board = await opened;
    await board.getByText(id).first().waitFor();
    await board.close();
    await drawer.getByText('Failed', { exact: true }).click();
    await drawer.getByText('No job is in this state.').waitFor();
    expect(await hashOf(page)).toBe('#/queue/mail/failed');
    await page.reload();
    await drawer.getByText('No job is in this state.').waitFor();
    await page.keyboard.press('Escape');
    await drawer.waitFor({ state: 'detached' });
    await isFocused(row);
  });

  it('[A13] show customers who wait and agents with their conversations', async () => {
    const ask = async (name: string) => {
      const { token } = (await (await api.post('/customers', { name, channel: 'shop' })).json()) as { token: string };
      const opened = await api.post('/conversations', { subject: `Secret of ${name}` }, { authorization: `Bearer ${token}` });
      expect(opened.status).toBe(201);
    };
    const page = await openNodes();
    const waiting = page.getByRole('region', { name: 'Customers waiting' });
    await waiting.getByText('No customer waits').waitFor();
    for (let n = 1; n <= 21; n += 1) await ask(`Ivy ${n}`);
    await waiting.getByText('21 in all').waitFor();
    const first = waiting.locator('[data-waiting]').first();
    await first.getByRole('button', { name: 'Ivy 1', exact: true }).waitFor();
    await first.getByText('shop').waitFor();
    expect(await waiting.locator('[data-waiting]').count()).toBe(20);
    await waiting.getByRole('button', { name: 'More customers' }).click();
    await waiting.getByRole('button', { name: 'Ivy 21', exact: true }).waitFor();
    // Who comes now gets the next customer at once.
    const ida = await nodes.client('ida', 0, { claims: { name: 'Ida', kind: 'agent' } });
    const agents = page.getByRole('region', { name: 'Agents' });
    const row = agents.locator('[data-agent="ida"]');
    await row.getByText('Online', { exact: true }).waitFor();
    await row.getByText('0 of 0').waitFor();
    await ask('Jon');
    await row.getByText('1 of 1').waitFor();
    await agents.getByText('1 open conversation').waitFor();
    expect(await page.content()).not.toContain('Secret');
    await agents.scrollIntoViewIfNeeded();
    await screenshot(page, 'admin-desk');
    await ida.close();
    await row.getByText('Away', { exact: true }).waitFor();
    await row.getByRole('button', { name: 'Ida' }).focus();
    await page.keyboard.press('Enter');
    await dialog(page, /Ida/).getByText('What you can do').waitFor();
  });
});

describe('the charts of the admin page', () => {
  /** Pixels of lines: those that are neither ground, grid nor text. */
  const coloured = (page: Page, chart: string) =>
    page.locator(`[data-chart="${chart}"] canvas`).evaluate((canvas: HTMLCanvasElement) => {
      const { data } = canvas.getContext('2d')?.getImageData(0, 0, canvas.width, canvas.height) ?? { data: new Uint8ClampedArray() };
      let count = 0;
      for (let at = 0; at < data.length; at += 4) {
        const [red = 0, green = 0, blue = 0, alpha = 0] = data.subarray(at, at + 4);
        if (alpha > 128 && Math.max(red, green, blue) - Math.min(red, green, blue) > 60) count += 1;
      }
      return count;
    });

  it('[A13] come from samples of this program, for each gateway', async () => {
    const [ann, bob] = [await nodes.client('ann', 0), await nodes.client('bob', 1)];
    for (const one of [ann, bob]) await one.join('park');
    const talking = setInterval(() => void ann.message('park', 'hello').catch(() => undefined), 200);
    onTestFinished(() => clearInterval(talking));
    const page = await openNodes();
    const region = page.getByRole('region', { name: 'The last hours' });
    await region.locator('[data-source="own"]').waitFor();
    await chartsDrawn(page);
    for (const { node } of nodes.living) await region.getByRole('list', { name: 'Gateways' }).getByText(node).waitFor();
    await until(async () => (await chartNumbers(page, 'connections')).includes('1'), {
      timeoutMs: 60_000,
      describe: 'one connection each',
    });
    expect(await coloured(page, 'connections')).toBeGreaterThan(20);
    expect((await chartNumbers(page, 'ack')).join()).toMatch(/ms/);
    await screenshot(page, 'admin-charts');
  });
});
