import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';

import { addAgents, logInAsAgent } from '#test/support/agents.ts';
import { AllInOne } from '#test/support/all-in-one.ts';
import { connected, enterAsGuest, launchBrowser, newPerson, openTab } from '#test/support/browser.ts';
import { say } from '#test/support/chat-page.ts';
import { freePort } from '#test/support/free-port.ts';
import { Nginx } from '#test/support/nginx.ts';
import { PostgresDatabase } from '#test/support/postgres.ts';
import { RawClient } from '#test/support/raw-client.ts';
import { ShopSite } from '#test/support/shop-site.ts';

let browser: Browser;
let hub: AllInOne;
let database: PostgresDatabase;
let nginx: Nginx;
let shop: ShopSite;
const problems: string[] = [];

/** What nginx's manual has for WebSockets: a proxy speaks HTTP/1.0 and drops `Upgrade` unless it is told otherwise. */
const UPGRADES = 'proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection $connection_upgrade;';
const MAP = 'map $http_upgrade $connection_upgrade { default upgrade; "" close; }';

/** nginx takes `/chat/` off: `proxy_pass` has a path. `host`: its line about `Host`, if it has one. */
const strips =
  (host = '') =>
  (port: number) =>
    `${MAP} server { listen 127.0.0.1:${port}; location /chat/ { ${UPGRADES} ${host} proxy_pass http://127.0.0.1:${hub.port}/; } }`;
/** nginx passes the path on as it is. */
const keeps =
  (host = '') =>
  (port: number) =>
    `${MAP} server { listen 127.0.0.1:${port}; location /chat { ${UPGRADES} ${host} proxy_pass http://127.0.0.1:${hub.port}; } }`;

beforeAll(async () => {
  [database, shop, browser] = await Promise.all([PostgresDatabase.create(), ShopSite.start(), launchBrowser()]);
  const port = await freePort();
  hub = await AllInOne.start({
    DATABASE_URL: database.url,
    PUBLIC_URL: `http://127.0.0.1:${port}/chat`,
    ALLOWED_ORIGINS: `${shop.origin},capacitor://localhost`,
  });
  nginx = await Nginx.start(strips(), port);
  await addAgents(database.url, 'Max');
});
afterEach(async () => {
  await Promise.all(browser.contexts().map((context) => context.close()));
  expect(problems.splice(0)).toEqual([]);
});
afterAll(async () => {
  await browser?.close();
  await nginx?.stop();
  await hub?.kill9();
  await Promise.all([shop?.stop(), database?.drop()]);
});

const chat = () => `${nginx.url}/chat/`;

/** A page's login over the API: the token, and the cookies that a browser would have. */
async function guest(): Promise<{ readonly token: string; readonly cookies: readonly string[] }> {
  const answer = await fetch(`${chat()}api/v1/guests`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', origin: nginx.url },
    body: '{"name":"Ann"}',
  });
  expect(answer.status).toBe(201);
  return { ...((await answer.json()) as { token: string }), cookies: answer.headers.getSetCookie() };
}

describe.each([
  ['takes the path off', 'Zoe', strips],
  ['leaves the path', 'Zed', keeps],
])('an nginx that %s', (_, customer, servers) => {
  it.each([
    ['', 'by default'],
    ['proxy_set_header Host $host;', 'as $host'],
    ['proxy_set_header Host $host:$server_port;', 'as $host:$server_port'],
    ['proxy_set_header Host hub.internal;', 'as a name of its own'],
  ])('[H7] [H8] %s: the page of PUBLIC_URL is let in where Host is sent %s', async (host) => {
    await nginx.change(servers(host));
    const own = ['', 'agent', 'docs', 'widget.html', 'widget.js', 'client.js', 'favicon.svg', 'start.css', 'mailbox.css'];
    for (const path of [...own, 'docs/docs.js', 'api/v1/openapi.json', 'api/v1/online']) {
      const answer = await fetch(chat() + path);
      // Read to its end: a connection that ends in the middle of a body is an error of its own.
      await answer.arrayBuffer();
      expect(answer.status, path).toBe(200);
    }
    const { token, cookies } = await guest();
    expect(cookies.find((cookie) => cookie.includes('HttpOnly'))).toContain('Path=/chat/api/v1');
    expect(cookies.find((cookie) => !cookie.includes('HttpOnly'))).toContain('Path=/chat/');
    const cookie = cookies.map((one) => one.split(';')[0]).join('; ');
    const refresh = (origin: string) => fetch(`${chat()}api/v1/auth/refresh`, { method: 'POST', headers: { cookie, origin } });
    const denied = await refresh('https://evil.test');
    expect([denied.status, ((await denied.json()) as { message: string }).message]).toEqual([403, expect.stringContaining('PUBLIC_URL')]);
    expect((await refresh(nginx.url)).status).toBe(200);
    for (const path of ['ws/chat', 'chat/park', `websocket/${token}`])
      for (const Origin of [nginx.url, 'capacitor://localhost'])
        (await RawClient.open(chat() + path, { token, headers: { Origin } })).reset();
    for (const Origin of ['https://evil.test', 'null', 'tauri://localhost'])
      await expect(RawClient.open(`${chat()}ws/chat`, { token, headers: { Origin } })).rejects.toMatchObject({ response: { status: 403 } });
  });

  it('[H8] shows the chat, which goes on after a reload, the workbench, the description and the widget', async () => {
    await nginx.change(servers());
    const person = await newPerson(browser);
    const page = await openTab(person, chat(), problems);
    await enterAsGuest(page, 'Ann');
    await page.evaluate(() => {
      location.hash = '#/room/park';
    });
    await say(page, 'hello');
    await page.reload();
    await connected(page);
    const docs = await openPlain(person, `${chat()}docs`);
    await docs.getByText('/api/v1/guests').first().waitFor();
    const max = await openTab(await newPerson(browser), `${chat()}agent`, problems);
    await logInAsAgent(max, 'Max');
    await max.reload();
    await max.locator('[data-connection="connected"]').waitFor();
    shop.embed(chat().slice(0, -1));
    const site = await openPlain(await newPerson(browser), shop.origin);
    await site.locator('parley-widget button').first().click();
    const widget = site.frameLocator('parley-widget iframe');
    await widget.getByLabel('Your name').fill(customer);
    await widget.getByLabel('Your name').press('Enter');
    await widget.getByRole('textbox', { name: 'Message' }).fill('Where is my parcel?');
    await widget.getByRole('textbox', { name: 'Message' }).press('Enter');
    await widget.locator('[data-state="stored"]').getByText('Where is my parcel?').waitFor();
    await max.getByRole('navigation').getByRole('button', { name: customer }).waitFor();
  });
});

it('[H8] the path without its slash leads to the chat', async () => {
  await nginx.change(keeps());
  const answer = await fetch(`${nginx.url}/chat`);
  expect([answer.url, answer.status]).toEqual([chat(), 200]);
});

it('[H7] says in the log what to set, once', () => {
  const lines = hub.child.output.split('\n').filter((line) => line.includes('rejected a page of another origin'));
  expect(lines).toHaveLength(1);
  expect(lines[0]).toMatch(/evil\.test.*PUBLIC_URL.*ALLOWED_ORIGINS/);
});

/** A page that is none of ours, or has no login. */
async function openPlain(person: Awaited<ReturnType<typeof newPerson>>, url: string): Promise<Page> {
  const page = await person.newPage();
  page.on('pageerror', (error) => problems.push(String(error)));
  await page.goto(url);
  return page;
}
