/** The charts of the admin page, drawn from a real Prometheus: `npm run test:monitoring`. */
import type { Browser, BrowserContextOptions } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it, onTestFinished } from 'vitest';

import { ADMIN_PASSWORD, chartsDrawn, openAdmin } from '#test/support/admin-page.ts';
import { ApiProcess } from '#test/support/api-process.ts';
import { launchBrowser, screenshot } from '#test/support/browser.ts';
import { GuardedPrometheus, PROMETHEUS_CREDENTIAL } from '#test/support/guarded-prometheus.ts';
import type { RedisServer } from '#test/support/redis-server.ts';
import { TestHub } from '#test/support/test-hub.ts';

let browser: Browser;
let nodes: TestHub<RedisServer>;
let prometheus: GuardedPrometheus;
let api: ApiProcess;
const problems: string[] = [];

TestHub.showLogs(() => nodes);
beforeAll(async () => {
  [browser, nodes] = await Promise.all([launchBrowser(), TestHub.single({ gateways: 2 })]);
  prometheus = await GuardedPrometheus.start(nodes.gateways.map(({ adminPort }) => adminPort));
  api = await ApiProcess.start({ ...nodes.settings, ADMIN_PASSWORD, PROMETHEUS_URL: prometheus.url, PROMETHEUS_CREDENTIAL });
});
afterEach(async () => {
  await Promise.all(browser.contexts().map((context) => context.close()));
  await nodes.clear();
  expect(problems.splice(0)).toEqual([]);
});
afterAll(async () => {
  await browser?.close();
  await api?.kill9();
  await prometheus?.stop();
  await nodes?.stop();
});

const open = (options: BrowserContextOptions = {}) =>
  openAdmin({ browser, url: `http://127.0.0.1:${api.adminPort}/admin/`, problems }, options);

describe('the charts of the admin page with a Prometheus', () => {
  it('[A13] come from Prometheus, by its own queries, for the hours that are chosen, by keyboard', async () => {
    const ann = await nodes.client('ann', 0);
    await ann.join('park');
    const talking = setInterval(() => void ann.message('park', 'hello').catch(() => undefined), 200);
    onTestFinished(() => clearInterval(talking));
    const page = await open();
    const region = page.getByRole('region', { name: 'The last hours' });
    await region.locator('[data-source="prometheus"]').waitFor();
    await chartsDrawn(page);
    for (const { adminPort } of nodes.living) await region.getByText(`127.0.0.1:${adminPort}`, { exact: true }).waitFor();
    const asked = page.waitForResponse('**/admin/api/series?hours=6');
    await region.getByLabel('Time shown').focus();
    await page.keyboard.press('ArrowDown');
    const { times } = (await (await asked).json()) as { times: number[] };
    expect((times.at(-1) ?? 0) - (times[0] ?? 0)).toBeGreaterThan(5.5 * 3600);
    const reply = await page.request.get(`http://127.0.0.1:${api.adminPort}/admin/api/series?hours=1&query=up`);
    expect(reply.status()).toBe(400);
    expect((await page.request.get(`http://127.0.0.1:${api.adminPort}/admin/api/series?hours=25`)).status()).toBe(400);
    const content = await page.content();
    for (const secret of [PROMETHEUS_CREDENTIAL, prometheus.url]) expect(content).not.toContain(secret);
  });

  it.each([
    ['dark', { colorScheme: 'dark' as const }],
    ['zh', { locale: 'zh-CN' }],
    ['phone', { viewport: { width: 360, height: 740 } }],
  ])('[A13] fit in: %s', async (name, options) => {
    const page = await open(options);
    await chartsDrawn(page);
    expect(await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth)).toBe(0);
    await page.locator('[data-chart="connections"]').scrollIntoViewIfNeeded();
    await screenshot(page, `admin-charts-${name}`);
  });

  it('[A13] go on from samples while Prometheus is away, and say so', async () => {
    const page = await open();
    await page.locator('[data-source="prometheus"]').waitFor();
    await prometheus.stop();
    await page.reload();
    await page.locator('[data-source="own"]').getByText('Prometheus does not answer').waitFor();
  });
});
