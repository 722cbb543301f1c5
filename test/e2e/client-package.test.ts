import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Browser } from 'playwright-core';
import ts from 'typescript';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';

import { launchBrowser, newPerson, openTab } from '#test/support/browser.ts';
import { Child } from '#test/support/child.ts';
import { ClientFleet } from '#test/support/client-fleet.ts';
import { FrontDoor } from '#test/support/front-door.ts';
import type { GatewayProcess } from '#test/support/gateway-process.ts';
import { signToken } from '#test/support/jwt.ts';
import { PackageSite } from '#test/support/package-site.ts';
import type { RedisServer } from '#test/support/redis-server.ts';
import { makeFolder, removeFolder } from '#test/support/temp-folder.ts';
import { TestHub } from '#test/support/test-hub.ts';
import { until } from '#test/support/wait.ts';

const BUILD = join(import.meta.dirname, '..', '..', 'deploy', 'build', 'client.ts');
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

/** Builds the package as `npm run build:client` does, and the program with it, as its author would. */
function build(home: string): string[] {
  const folder = join(home, 'node_modules', '@parley', 'client');
  mkdirSync(folder, { recursive: true });
  execFileSync(process.execPath, [BUILD, folder], { stdio: 'pipe' });
  writeFileSync(join(home, 'package.json'), '{"type":"module"}');
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
  home = makeFolder('parley-package-');
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
  removeFolder(home);
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
