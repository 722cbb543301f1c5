import { execFileSync } from 'node:child_process';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import ts from 'typescript';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';

import { VERSION } from '#libs/client/index.ts';
import { AllInOne } from '#test/support/all-in-one.ts';
import { launchBrowser, newPerson, openTab } from '#test/support/browser.ts';
import { Child } from '#test/support/child.ts';
import { ClientFleet } from '#test/support/client-fleet.ts';
import { codeBlocks } from '#test/support/code-blocks.ts';
import { FrontDoor } from '#test/support/front-door.ts';
import type { GatewayProcess } from '#test/support/gateway-process.ts';
import { signToken } from '#test/support/jwt.ts';
import { PackageSite } from '#test/support/package-site.ts';
import type { RedisServer } from '#test/support/redis-server.ts';
import { makeFolder, removeFolder } from '#test/support/temp-folder.ts';
import { TestHub } from '#test/support/test-hub.ts';
import { until } from '#test/support/wait.ts';

const ROOT = join(import.meta.dirname, '..', '..');
const README = 'libs/client/README.md';
const WAIT = { timeoutMs: 60_000 };

/** Somebody's program, strictly typed: what others say tells it what to do. */
const PROGRAM = `
import { ClientError, type ClientEvents, type ClientStatus, ParleyClient, type TypingFrame } from '@parley/client';

export interface Settings {
  readonly url: string;
  readonly token: string;
  readonly room: string;
  readonly place: string;
}

export async function run({ url, token, room, place }: Settings, tell: (line: string) => void): Promise<void> {
  const client = new ParleyClient({ url, getToken: () => token, backoff: { baseMs: 50, capMs: 500 } });
  client.on('status', ({ state }: ClientStatus) => tell(state));
  client.on('typing', ({ user }: TypingFrame) => tell(user.name));
  client.on('message', ({ message: { text } }: ClientEvents['message']) => {
    tell(\`heard \${text}\`);
    if (text === 'missed') void client.send(room, \`\${place} is back\`);
    if (text === 'bye') client.close();
  });
  client.connect();
  const { count } = await client.join(room);
  tell(\`joined \${count}\`);
  const code: string = await client.join('group:of-others').then(() => 'in', (error: ClientError) => error.code);
  tell(code);
  await client.send(room, \`hello from \${place}\`);
}
`;
const NODE_MAIN = `import { run } from './program.js';
await run(JSON.parse(process.argv[2]), (line) => console.log(line));`;

interface Settings {
  readonly url: string;
  readonly token: string;
  readonly room: string;
  readonly place: string;
}

/** Installs the package with the commands of its README, and builds the program with it, as its author would. */
function build(home: string): string[] {
  const [pack = '', install = ''] = codeBlocks(README, 'sh');
  const env = { ...process.env, npm_config_offline: 'true', npm_config_audit: 'false', npm_config_fund: 'false' };
  mkdirSync(home);
  symlinkSync(ROOT, join(home, '..', 'parley'));
  execFileSync('sh', ['-ec', pack], { cwd: join(home, '..', 'parley'), stdio: 'pipe' });
  writeFileSync(join(home, 'package.json'), '{"type":"module"}');
  execFileSync('sh', ['-ec', install], { cwd: home, env, stdio: 'pipe' });
  writeFileSync(join(home, 'main.js'), NODE_MAIN);
  writeFileSync(join(home, 'program.ts'), PROGRAM);
  const program = ts.createProgram([join(home, 'program.ts')], {
    strict: true,
    exactOptionalPropertyTypes: true,
    noUncheckedIndexedAccess: true,
    types: [],
    target: ts.ScriptTarget.ES2024,
    lib: ['lib.es2024.d.ts', 'lib.dom.d.ts'],
    module: ts.ModuleKind.NodeNext,
    moduleResolution: ts.ModuleResolutionKind.NodeNext,
  });
  const problems = [...ts.getPreEmitDiagnostics(program), ...program.emit().diagnostics];
  return problems.map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, '\n'));
}

let folder = '';
/** The project of the program's author. */
let home = '';
let hub: TestHub<RedisServer>;
let site: PackageSite;
let door: FrontDoor;
let browser: Browser;
/** Takes the next WebSocket. */
let gateway: GatewayProcess;
const fleet = new ClientFleet();
const problems: string[] = [];

TestHub.showLogs(() => hub);
beforeAll(async () => {
  folder = makeFolder('parley-package-');
  home = join(folder, 'project');
  expect(build(home), 'what the compiler says of a strict program').toEqual([]);
  hub = await TestHub.single({ gateways: 1 });
  gateway = hub.gateway(0);
  [site, browser] = await Promise.all([PackageSite.start(home), launchBrowser()]);
  door = await FrontDoor.start({ api: site.port, gateway: () => gateway.port });
});
afterEach(() => fleet.clear());
afterAll(async () => {
  await browser?.close();
  await door?.stop();
  await site?.stop();
  await hub?.stop();
  removeFolder(folder);
});

/** Starts the program in a page of its own; `script` runs it there. */
async function inBrowser(script: string, tell: (line: string) => void): Promise<void> {
  const page = await openTab(await newPerson(browser), door.url, problems, (tab) => tab.exposeFunction('tell', tell));
  await page.evaluate(script);
}

/** Where it runs, and how it is started there. */
const PLACES: Readonly<Record<string, (settings: Settings, tell: (line: string) => void) => Promise<unknown>>> = {
  'a page': (settings, tell) => inBrowser(`import('/program.js').then(({ run }) => void run(${JSON.stringify(settings)}, tell))`, tell),
  'a worker': (settings, tell) =>
    inBrowser(
      `{
        const worker = new Worker('/worker.js', { type: 'module' });
        worker.onmessage = ({ data }) => tell(data);
        worker.onerror = ({ message }) => tell(message);
        worker.postMessage(${JSON.stringify(settings)});
      }`,
      tell,
    ),
  Node: async (settings, tell) => {
    const child = new Child(process.execPath, [join(home, 'main.js'), JSON.stringify(settings)], { cwd: home, onLine: tell });
    // It ends by itself: nothing of a client that was closed keeps it.
    void child.exited.then(({ code }) => tell(code === 0 ? 'ended' : child.output));
  },
};

describe('the built package', () => {
  it.each(Object.entries(PLACES))(
    '[M2] [M5] in %s: joins, says, hears, and comes back after its gateway was killed',
    async (place, start) => {
      const doomed = await hub.add();
      gateway = doomed;
      const room = hub.name('room');
      const bob = fleet.client({ user: hub.name('bob'), url: () => hub.gateway(0).url });
      await bob.client.join(room);
      const said: string[] = [];
      const tell = (line: string): void => {
        if (said.at(-1) !== line) said.push(line);
      };
      const told = (line: string): Promise<unknown> =>
        until(() => said.includes(line), { ...WAIT, describe: () => `${place} tells ${line}, not ${said.join(' | ')}` });
      const url = `${door.url.replace('http', 'ws')}/ws/chat`;
      await start({ url, token: signToken({ sub: hub.name('user') }), room, place }, tell);
      await bob.until('message', () => bob.texts(room).includes(`hello from ${place}`), WAIT.timeoutMs);
      await bob.client.send(room, 'hello');
      await told('heard hello');

      gateway = hub.gateway(0);
      door.hold();
      await doomed.kill9();
      await told('reconnecting');
      await bob.client.send(room, 'missed');
      door.open();
      await bob.until('message', () => bob.texts(room).includes(`${place} is back`), WAIT.timeoutMs);
      await told(`heard ${place} is back`);
      await bob.client.send(room, 'bye');
      await told(place === 'Node' ? 'ended' : 'closed');

      expect(bob.texts(room)).toEqual([`hello from ${place}`, 'hello', 'missed', `${place} is back`, 'bye']);
      expect(said).toEqual([
        ...['connecting', 'connected', 'joined 2', 'FORBIDDEN', `heard hello from ${place}`, 'heard hello'],
        ...['reconnecting', 'connected', 'heard missed', `heard ${place} is back`, 'heard bye', 'closed'],
        ...(place === 'Node' ? ['ended'] : []),
      ]);
      expect(problems).toEqual([]);
    },
  );
});

/** The addresses in the README: that of `npm start`, and that of somebody's page. */
const HUB = 'http://localhost:8080';
const SITE = 'http://localhost:3000';
/** Leads a Node program that connects to the port of `npm start` to a hub on another one. */
const LEAD = (port: number) =>
  `data:text/javascript,${encodeURIComponent(`
import net from 'node:net';
const { connect } = net;
net.connect = (to, ...more) => connect({ ...to, port: String(to.port) === '8080' ? ${port} : to.port }, ...more);
`)}`;

describe('the code of the README, unchanged', () => {
  let started: AllInOne;
  let pages: Server;
  let visitor: Browser;

  beforeAll(async () => {
    const [html = ''] = codeBlocks(README, 'html');
    pages = createServer((_request, response) => response.setHeader('content-type', 'text/html').end(html));
    await new Promise<void>((resolve) => pages.listen(0, '127.0.0.1', resolve));
    started = await AllInOne.start({ DATABASE_URL: hub.database.url, ALLOWED_ORIGINS: SITE });
    const { port } = pages.address() as AddressInfo;
    visitor = await launchBrowser(
      `--host-resolver-rules=MAP localhost:8080 127.0.0.1:${started.port}, MAP localhost:3000 127.0.0.1:${port}`,
    );
  });
  afterAll(async () => {
    await visitor?.close();
    pages?.closeAllConnections();
    pages?.close();
    await started?.kill9();
  });

  const heard = (page: Page, text: string) => page.locator('li').getByText(text).first().waitFor();

  it('runs in Node and in a page of an allowed origin, and they hear each other', async () => {
    const page = await openTab(await newPerson(visitor), SITE, problems);
    await heard(page, 'Bob: Hello from a page');
    const [code = ''] = codeBlocks(README, 'js');
    writeFileSync(join(home, 'hello.mjs'), code);
    const lines: string[] = [];
    const node = new Child(process.execPath, ['--import', LEAD(started.port), 'hello.mjs'], {
      cwd: home,
      onLine: (line) => lines.push(line),
    });
    await until(() => lines.includes('park Ada Hello from Node') || node.ended, { ...WAIT, describe: () => node.output });
    expect(lines).toEqual(['connecting ', 'connected ', 'park Ada Hello from Node']);
    node.signal('SIGKILL');
    await heard(page, 'Ada: Hello from Node');
    expect(problems.splice(0)).toEqual([]);
  });

  it("runs in the console of the hub's own page", async () => {
    const page = await openTab(await newPerson(visitor), `${HUB}/docs`, problems);
    await page.evaluate(() => document.body.prepend(document.createElement('ul')));
    const [html = ''] = codeBlocks(README, 'html');
    const script = /<script type="module">(.*)<\/script>/s.exec(html)?.[1] ?? '';
    await page.evaluate(`(async () => {${script}})()`);
    await heard(page, 'Bob: Hello from a page');
    expect(problems.splice(0)).toEqual([]);
  });

  it('[H7] the hub serves the client to pages of allowed origins: a module that no cache mixes up', async () => {
    const ask = (origin: string, more: Record<string, string> = {}) =>
      fetch(`${started.url}/client.js`, { headers: { ...(origin === '' ? {} : { origin }), ...more } });
    const allowed = await ask(SITE);
    const code = await allowed.text();
    expect(Object.fromEntries(allowed.headers)).toMatchObject({
      'content-type': 'text/javascript; charset=utf-8',
      'cache-control': 'no-cache',
      'access-control-allow-origin': SITE,
      'cross-origin-resource-policy': 'cross-origin',
      vary: 'accept-encoding, origin',
      'x-content-type-options': 'nosniff',
    });
    expect(code).toContain(VERSION);
    for (const origin of ['', 'https://elsewhere.example']) {
      const other = await ask(origin);
      expect([other.headers.get('access-control-allow-origin'), other.headers.get('vary')]).toEqual([null, 'accept-encoding, origin']);
    }
    const etag = allowed.headers.get('etag') ?? '';
    const known = await ask(SITE, { 'if-none-match': etag });
    expect([known.status, known.headers.get('vary')]).toEqual([304, 'accept-encoding, origin']);
    const stranger = await newPerson(visitor);
    const page = await stranger.newPage();
    await page.goto(`${HUB.replace('localhost', '127.0.0.1').replace('8080', String((pages.address() as AddressInfo).port))}`);
    const refused = page.evaluate(`import('${HUB}/client.js').then(() => 'loaded', () => 'refused')`);
    expect(await refused).toBe('refused');
  });
});
