import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it, onTestFinished } from 'vitest';

import { ADMIN_PASSWORD, act, inform, informed, lookUp, openAdmin } from '#test/support/admin-page.ts';
import { ApiProcess } from '#test/support/api-process.ts';
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
  api = await ApiProcess.start({ ...nodes.settings, ADMIN_PASSWORD });
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
