import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { BrowserContextOptions, Frame } from 'playwright-core';
import { describe, expect, it, onTestFinished } from 'vitest';

import { seriousFaults } from '#test/support/axe.ts';
import { launchEveryday, newPerson, openTab, screenshot } from '#test/support/browser.ts';
import { until } from '#test/support/wait.ts';
import { box, introduce, line, opener, WidgetStage, widgetOf, write } from '#test/support/widget-stage.ts';

const stage = WidgetStage.forFile();
const { problems } = stage;

describe('the widget, its customer and its site', () => {
  it('[A5] is the same customer after reloads that cut off a renewal, and where frames may keep things themselves', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'parley-browser-'));
    onTestFinished(() => rm(folder, { recursive: true, force: true }));
    // No private window: its frames have storage and locks, of this site's own.
    const everyday = await launchEveryday(folder);
    for (const customer of [await newPerson(stage.parts.browser), everyday]) {
      const { page, widget } = await stage.visit(customer);
      await introduce(widget, 'Uli');
      await write(widget, 'hello');
      const id = async () => (await stage.parts.database.query("SELECT count(*)::int AS n FROM customers WHERE name = 'Uli'"))[0]?.['n'];
      const before = await id();
      const asked = customer.waitForEvent('request', (request) => request.url().endsWith('/customers/token'));
      stage.parts.wire.cut();
      await page.reload();
      await asked;
      await page.reload();
      stage.parts.wire.heal();
      await line(widget, 'hello').waitFor();
      expect(await id()).toBe(before);
      const frame = page.frames()[1];
      const own = await frame?.evaluate(() => localStorage.getItem('parley.customer.shop')).catch(() => 'forbidden');
      expect(own).toMatch(customer === everyday ? /"room":"conv:/ : /forbidden/);
      await customer.close();
    }
  });

  it('[A5] is the same customer on each page where the frame keeps no cookie; nobody else can read the secret', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'parley-browser-'));
    onTestFinished(() => rm(folder, { recursive: true, force: true }));
    // Over plain http, not on the machine itself: a frame of another site has no cookie there.
    const customer = await launchEveryday(folder, '--host-resolver-rules=MAP hub.example 127.0.0.1');
    const address = stage.hub.url.replace('127.0.0.1', 'hub.example');
    stage.parts.shop.embed(address);
    const { page, widget } = await stage.visit(customer);
    await introduce(widget, 'Tess');
    await write(widget, 'hello');
    await page.reload();
    await line(widget, 'hello').waitFor();
    const other = await openTab(customer, `${stage.parts.shop.origin}/cart`, problems);
    await opener(other).click();
    await line(widgetOf(other), 'hello').waitFor();
    await write(widgetOf(other), 'from the cart');
    await line(widget, 'from the cart').waitFor();
    expect(await stage.parts.database.query("SELECT count(*)::int AS n FROM customers WHERE name = 'Tess'")).toEqual([{ n: 1 }]);
    expect(await customer.cookies(`${address}/api/v1/`)).toEqual([]);
    const secretIn = (frame: Frame) => frame.evaluate(() => localStorage.getItem('parley.secret.shop'));
    const secret = await secretIn(other.frames()[1] ?? other.mainFrame());
    expect(secret?.length).toBeGreaterThan(20);
    expect(await other.evaluate(() => JSON.stringify({ ...localStorage, ...sessionStorage }))).not.toContain(secret);
    // Not even the hub's own page outside of the shop has it.
    const own = await openTab(customer, `${address}/widget.html?channel=shop`, problems);
    expect(await secretIn(own.mainFrame())).toBeNull();
    await customer.close();
  });

  it('[A5] [A10] [A15] is one customer and one conversation in two tabs that begin at once, also where frames may keep nothing', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'parley-browser-'));
    onTestFinished(() => rm(folder, { recursive: true, force: true }));
    for (const [name, customer] of [
      ['Pat', await newPerson(stage.parts.browser)],
      ['Quin', await launchEveryday(folder)],
    ] as const) {
      const tabs = [(await stage.visit(customer)).widget, (await stage.visit(customer)).widget];
      for (const tab of tabs) await tab.getByLabel('Your name').fill(name);
      await Promise.all(tabs.map((tab) => tab.getByLabel('Your name').press('Enter')));
      await Promise.all(tabs.map((tab) => box(tab).waitFor()));
      await Promise.all(tabs.map((tab, at) => write(tab, `line ${at}`)));
      for (const tab of tabs) for (const text of ['line 0', 'line 1']) await line(tab, text).waitFor();
      expect(await stage.parts.database.query('SELECT count(*)::int AS n FROM customers WHERE name = $1', [name])).toEqual([{ n: 1 }]);
      expect(await stage.parts.database.query('SELECT count(*)::int AS n FROM conversations WHERE customer_name = $1', [name])).toEqual([
        { n: 1 },
      ]);
      await customer.close();
    }
  });

  it('[A5] [A10] [A15] is one customer and one conversation where the answers to what made them were lost', async () => {
    const customer = await newPerson(stage.parts.browser);
    const lost: string[] = [];
    for (const made of ['customers', 'conversations']) {
      let first = true;
      // The hub does it, and the browser hears nothing of that.
      await customer.route(`${stage.hub.url}/api/v1/${made}`, async (route) => {
        const request = route.request();
        if (!first || request.method() !== 'POST') return route.fallback();
        first = false;
        const { authorization = '', 'idempotency-key': key = '' } = await request.allHeaders();
        const answer = await fetch(request.url(), {
          method: 'POST',
          headers: {
            'content-type': 'application/json',
            ...(key === '' ? {} : { 'idempotency-key': key }),
            ...(authorization === '' ? {} : { authorization }),
          },
          body: request.postData(),
        });
        lost.push(`${made} ${answer.status}`);
        return route.abort('connectionreset');
      });
    }
    const { page, widget } = await stage.visit(customer);
    await widget.getByLabel('Your name').fill('Uma');
    await widget.getByLabel('Your name').press('Enter');
    await widget.getByRole('alert').filter({ hasText: /\S/ }).waitFor();
    // It can be pressed once the first try is over.
    await widget.locator('button[type="submit"]').click();
    await box(widget).fill('one question');
    await box(widget).press('Enter');
    await widget.getByRole('button', { name: 'Try again' }).click();
    await line(widget, 'one question').waitFor();
    expect(lost).toEqual(['customers 201', 'conversations 201']);
    expect(await stage.parts.database.query("SELECT count(*)::int AS n FROM customers WHERE name = 'Uma'")).toEqual([{ n: 1 }]);
    expect(await stage.parts.database.query("SELECT count(*)::int AS n FROM conversations WHERE customer_name = 'Uma'")).toEqual([
      { n: 1 },
    ]);
    await page.reload();
    await line(widget, 'one question').waitFor();
  });

  it('[A5] follows in a tab that still asks the name when another tab comes in, where frames may keep nothing', async () => {
    const customer = await newPerson(stage.parts.browser);
    const [one, two] = [(await stage.visit(customer)).widget, (await stage.visit(customer)).widget];
    await introduce(one, 'Rae');
    await box(two).waitFor();
    await write(one, 'from the first');
    await line(two, 'from the first').waitFor();
    await write(two, 'from the second');
    await line(one, 'from the second').waitFor();
    expect(await stage.parts.database.query("SELECT count(*)::int AS n FROM customers WHERE name = 'Rae'")).toEqual([{ n: 1 }]);
  });

  it('cannot be embedded by a site that is not named; its script is small', async () => {
    const page = await (await newPerson(stage.parts.browser)).newPage();
    const complaints: string[] = [];
    page.on('console', (message) => complaints.push(message.text()));
    await page.goto(stage.parts.stranger.origin);
    await opener(page).click();
    await until(() => complaints.some((text) => text.includes('frame-ancestors')), {
      describe: () => `the browser refuses: ${complaints.join()}`,
    });
    // Nothing broken is ever in view, and one line says what to set.
    expect(await page.locator('parley-widget iframe').isVisible()).toBe(false);
    await page.locator('parley-widget').waitFor({ state: 'detached' });
    const advice = complaints.filter((text) => text.startsWith('Parley:'));
    expect(advice).toEqual([expect.stringMatching(/ALLOWED_ORIGINS/)]);
    expect(advice[0]).toContain(stage.parts.stranger.origin);
    for (const path of ['/', '/agent']) {
      const { headers } = await fetch(stage.hub.url + path);
      expect(headers.get('content-security-policy'), path).toContain("frame-ancestors 'none'");
    }
    const script = await fetch(`${stage.hub.url}/widget.js`, { headers: { 'accept-encoding': 'gzip' } });
    expect(Number(script.headers.get('content-length'))).toBeLessThan(2048);
    expect(script.headers.get('cross-origin-resource-policy')).toBe('cross-origin');
  });

  it('is not there in a browser that is too old, and one line says so', async () => {
    const page = await (await newPerson(stage.parts.browser)).newPage();
    const complaints: string[] = [];
    page.on('console', (message) => complaints.push(message.text()));
    await page.addInitScript(() => {
      CSS.supports = (name: string, value = '') => !`${name}${value}`.includes('lch(');
    });
    await page.goto(stage.parts.shop.origin);
    await expect.poll(() => complaints).toEqual(['Parley: this browser is too old.']);
    expect(await page.locator('parley-widget').count()).toBe(0);
  });

  it('loads less than 100 KB of script', async () => {
    const page = await openTab(await newPerson(stage.parts.browser), `${stage.hub.url}/widget.html?channel=shop`, problems);
    await page.getByLabel('Your name').waitFor();
    const scripts = await page.evaluate(() =>
      (performance.getEntriesByType('resource') as PerformanceResourceTiming[])
        .filter(({ name }) => name.endsWith('.js'))
        .map(({ name, encodedBodySize }) => ({ name, bytes: encodedBodySize })),
    );
    const total = scripts.reduce((sum, { bytes }) => sum + bytes, 0);
    expect(total, JSON.stringify(scripts)).toBeGreaterThan(10_000);
    expect(total, JSON.stringify(scripts)).toBeLessThan(100_000);
  });

  it('speaks Chinese, is dark where the system is, and fits a small telephone', async () => {
    const options: BrowserContextOptions = {
      locale: 'zh-CN',
      colorScheme: 'dark',
      viewport: { width: 360, height: 640 },
      isMobile: true,
      hasTouch: true,
    };
    stage.parts.shop.embed(stage.hub.url, 'data-channel="shop" data-lang="zh-CN"');
    const { page, widget } = await stage.visit(await newPerson(stage.parts.browser, options));
    await screenshot(page, 'widget-small-form-dark-zh');
    await introduce(widget, '小明');
    await write(widget, '你好，我的包裹在哪里？');
    await widget.getByText('现在没有空闲的客服').waitFor();
    await write(widget, 'A-very-long-word-that-nobody-can-break-nicely-at-all-in-such-a-narrow-page');
    await screenshot(page, 'widget-small-dark-zh');
    expect(await seriousFaults(page)).toEqual([]);
    const frame = page.frames()[1];
    expect(await frame?.evaluate(() => document.documentElement.scrollWidth > innerWidth)).toBe(false);
    expect(await frame?.evaluate(() => [document.documentElement.lang, document.title])).toEqual(['zh-Hans', '联系我们']);
    await widget.getByRole('button', { name: '关闭聊天' }).click();
    await page.getByRole('button', { name: '联系我们' }).waitFor();
    await screenshot(page, 'widget-small-shut');
  });
});
