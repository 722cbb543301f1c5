import { execFile } from 'node:child_process';
import { generateKeyPairSync, randomUUID } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { openStore } from '#libs/store/store-postgres.ts';
import { EXAMPLES } from '#services/api/operation-examples.ts';
import { AGENT_PASSWORD, addAgents } from '#test/support/agents.ts';
import { AllInOne } from '#test/support/all-in-one.ts';
import { mailedCode } from '#test/support/browser.ts';
import { PostgresDatabase } from '#test/support/postgres.ts';
import { makeFolder, removeFolder } from '#test/support/temp-folder.ts';

const KEY = 'k'.repeat(32);
/** Another user, whom Ada may add to a group. */
const BOB = randomUUID();

interface Operation {
  readonly operationId: string;
  readonly 'x-codeSamples': readonly { readonly source: string }[];
}

type Body = Readonly<Record<string, unknown>>;

let folder = '';
let database: PostgresDatabase;
let hub: AllInOne;
/** The variables of a shell that follows the documentation from its first line to its last. */
let shell: Record<string, string>;
let lines: ReadonlyMap<string, string>;

/** What the answers put into variables. */
const TAKEN: Readonly<Record<string, (answer: Body) => Promise<Record<string, unknown>> | Record<string, unknown>>> = {
  sendCode: async ({ attempt }) => ({ ATTEMPT: attempt, CODE: await mailedCode(hub, 'ada@example.com') }),
  verifyCode: ({ registration }) => ({ REGISTRATION: registration }),
  register: ({ token, refresh }) => ({ TOKEN: token, REFRESH: refresh }),
  createCustomer: ({ id, token, refresh }) => ({ CUSTOMER: id, CUSTOMER_TOKEN: token, CUSTOMER_REFRESH: refresh }),
  logInAsAgent: ({ token }) => ({ AGENT_TOKEN: token }),
  createRoom: ({ room }) => ({ GROUP: room }),
  openConversation: ({ room }) => ({ CONVERSATION: room }),
};
/** Ends the login of the others. */
const LAST = 'endLogin';

beforeAll(async () => {
  folder = makeFolder('parley-curl-');
  const pem = generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' });
  writeFileSync(join(folder, 'key.pem'), pem);
  database = await PostgresDatabase.create();
  await addAgents(database.url, 'Max');
  const store = await openStore({ url: database.url });
  await store.users.create({ id: BOB, name: 'Bob', mail: 'bob@example.com' });
  await store.close();
  hub = await AllInOne.start({
    DATABASE_URL: database.url,
    API_KEYS: `shop:${KEY}`,
    JWT_SIGNING_KEY: join(folder, 'key.pem'),
  });
  shell = { PATH: process.env['PATH'] ?? '', HUB: hub.url, KEY, PASSWORD: AGENT_PASSWORD, USER: BOB };
  const answer = await fetch(`${hub.url}/api/v1/openapi.json`);
  const { paths } = (await answer.json()) as { readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>> };
  const operations = Object.values(paths).flatMap((item) => Object.values(item));
  lines = new Map(operations.map((operation) => [operation.operationId, operation['x-codeSamples'][0]?.source ?? '']));
});

afterAll(async () => {
  await hub?.kill9();
  await database?.drop();
  removeFolder(folder);
});

/** Runs a line as it is. Resolves with the status and the body. */
async function run(line: string): Promise<{ readonly status: number; readonly text: string }> {
  const home = join(folder, '.curlrc');
  writeFileSync(home, 'silent\nshow-error\nwrite-out = "\\n%{http_code}"\n');
  const { stdout } = await promisify(execFile)('sh', ['-c', line], { env: { ...shell, CURL_HOME: folder } });
  const end = stdout.lastIndexOf('\n');
  return { status: Number(stdout.slice(end + 1)), text: stdout.slice(0, end) };
}

describe('the curl lines of the OpenAPI document', () => {
  it('[A1] [A12] each run against a hub, and get the status that they show', async () => {
    const order = Object.values(EXAMPLES).map(({ operationId }) => operationId);
    expect([...lines.keys()].toSorted()).toEqual(order.toSorted());
    for (const operation of [...order.filter((one) => one !== LAST), LAST]) {
      const line = lines.get(operation) ?? '';
      const { status, text } = await run(line);
      expect(`${line.replace(/# \d+$/, `# ${status}`)} ${status < 300 ? '' : text}`.trim()).toBe(line);
      Object.assign(shell, await TAKEN[operation]?.(JSON.parse(text) as Body));
    }
  });
});
