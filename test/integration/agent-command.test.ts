import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ApiProcess } from '#test/support/api-process.ts';
import type { RedisServer } from '#test/support/redis-server.ts';
import { SmtpServer } from '#test/support/smtp-server.ts';
import { TestHub } from '#test/support/test-hub.ts';
import { MACHINE_MS, until, within } from '#test/support/wait.ts';
import { WorkerProcess } from '#test/support/worker-process.ts';

const MAIN = fileURLToPath(new URL('../../services/agent/main.ts', import.meta.url));
const PASSWORD = 'correct horse battery';
/** A4's 2 s, and what a loaded machine adds. */
const EVERYWHERE_MS = 2000 + MACHINE_MS;

let hub: TestHub<RedisServer>;
let smtp: SmtpServer;
let api: ApiProcess;
let worker: WorkerProcess;
TestHub.showLogs(() => hub);
beforeAll(async () => {
  [hub, smtp] = await Promise.all([TestHub.single({ gateways: 2 }), SmtpServer.start()]);
  const settings = { ...hub.settings, SMTP_URL: smtp.url, ALLOW_CUSTOMERS: 'on' };
  [api, worker] = await Promise.all([ApiProcess.start(settings), WorkerProcess.start(settings)]);
});
afterAll(async () => {
  await Promise.all([worker?.kill9(), api?.kill9(), smtp?.stop()]);
  await hub?.stop();
});

/** Runs the command with something piped into it. */
function agent(
  args: readonly string[],
  input: string,
  settings: Readonly<Record<string, string>> = {},
): Promise<{ readonly code: number | null; readonly output: string }> {
  const env = { PATH: process.env['PATH'], DATABASE_URL: hub.database.url, ...settings };
  const child = spawn(process.execPath, [MAIN, ...args], { env });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (output += chunk.toString()));
  child.stdin.end(input);
  return new Promise((resolve) => child.once('close', (code) => resolve({ code, output })));
}

const login = async (username: string, password: string): Promise<number> =>
  (await api.post('/public/login', { username, password })).status;

/** Sends JSON to the API. Resolves to the answer; rejects unless it is a good one. */
async function call(path: string, body: object, token?: string): Promise<Readonly<Record<string, unknown>>> {
  const answer = await api.post(path, body, token === undefined ? {} : { authorization: `Bearer ${token}` });
  expect(answer.ok, `${path}: ${answer.status}`).toBe(true);
  return (await answer.json()) as Readonly<Record<string, unknown>>;
}

/** An agent who logs in, with a socket on each gateway. */
async function atWork(name: string, password: string) {
  const { token, refresh } = await call('/public/login', { username: name, password });
  const sockets = await Promise.all([0, 1].map((gateway) => hub.client(name, gateway, { token: String(token) })));
  return { token: String(token), refresh: String(refresh), ends: Promise.all(sockets.map(({ closed }) => closed)) };
}

/** The entries of the log of revocations. */
const revocations = async (): Promise<number> => (await hub.database.query('SELECT seq FROM sanctions')).length;

describe('npm run agent', { timeout: 180_000 }, () => {
  it('[A6] makes an agent with the password that is piped in', async () => {
    const made = await agent(['add', 'Support'], `${PASSWORD}\nmore\n`);
    expect(made).toEqual({ code: 0, output: 'The agent Support was added.\nLog in at http://localhost:8080/agent\n' });
    expect(await login('support', PASSWORD)).toBe(200);
    expect(await login('Support', `${PASSWORD}!`)).toBe(401);
    const [row] = await hub.database.query('SELECT password_hash FROM agents');
    expect(row?.['password_hash']).toMatch(/^\$argon2id\$/);
    const again = await agent(['add', 'SUPPORT'], PASSWORD);
    expect([again.code, again.output]).toEqual([
      1,
      'parley: there is an agent called SUPPORT already: choose another name, or give this agent another password by npm run agent -- reset NAME\n',
    ]);
  });

  it('[A6] makes a password where none is given, shows it once, and says where agents log in, under PUBLIC_URL if it is set', async () => {
    const { code, output } = await agent(['add', 'Night Desk'], '', { PUBLIC_URL: 'https://chat.test/hub/' });
    const password =
      /^The agent Night Desk was added\. The password, shown this once: (\S+)\nLog in at https:\/\/chat\.test\/hub\/agent\n$/.exec(
        output,
      )?.[1] ?? '';
    expect([code, password.length]).toEqual([0, 20]);
    expect(await login('night desk', password)).toBe(200);
  });

  it('[A6] refuses what cannot be an agent, and says what it takes', async () => {
    const refusals = [
      [['add'], PASSWORD, 'a name is missing. Usage: npm run agent -- add NAME'],
      [['add', 'Short'], 'short', 'a password has 12 to 256 characters, not 5: leave it empty to get one.'],
      [['add', ' blank'], PASSWORD, 'this name is not allowed: it '],
      [['add', 'x\u0007'], PASSWORD, 'this name is not allowed: it '],
      [['reset', 'Nobody'], PASSWORD, 'there is no agent called Nobody. To see their names: npm run agent -- list'],
      [['remove', 'Nobody'], '', 'there is no agent called Nobody. '],
    ] as const;
    for (const [args, input, told] of refusals) {
      const { code, output } = await agent(args, input);
      expect([code, output]).toEqual([1, expect.stringContaining(`parley: ${told}`)]);
    }
    const away = await agent(['add', 'Away'], PASSWORD, { DATABASE_URL: 'postgres://nobody:secret@127.0.0.1:9/none' });
    expect(away.code).toBe(1);
    expect(away.output).toMatch(/^parley: the database cannot be reached .* See that it runs and that DATABASE_URL names it/);
    expect(away.output).not.toContain('secret');
  });

  it('[A6] frees the name of a removed agent', async () => {
    const told = 'The agent Night Desk was removed. All logins have ended. What was said stays.\n';
    expect(await agent(['remove', 'night desk'], '')).toEqual({ code: 0, output: told });
    expect((await agent(['add', 'NIGHT DESK'], PASSWORD)).code).toBe(0);
  });

  it('[A6] [A4] [A10] a reset and a removal end the logins on every node; another agent gets the conversations', async () => {
    for (const name of ['Ida', 'Jon']) expect((await agent(['add', name], PASSWORD)).code).toBe(0);
    const first = await atWork('Ida', PASSWORD);
    const customer = await call('/customers', { name: 'Zoe', channel: 'shop' });
    const { room } = await call('/conversations', { subject: 'A parcel' }, String(customer['token']));
    const owner = async () => {
      const [row] = await hub.database.query('SELECT state, agent_name FROM conversations WHERE room = $1', [room]);
      return `${row?.['state']} ${row?.['agent_name']}`;
    };
    await until(async () => (await owner()) === 'assigned Ida');
    const listed = (await agent(['list'], '')).output;
    expect(listed).toMatch(/^Ida {2}\(added \d{4}-\d\d-\d\d, last here \d{4}-\d\d-\d\d, open conversations: 1\)$/m);
    expect(listed).toMatch(/^Jon {2}\(added \d{4}-\d\d-\d\d, never here, open conversations: 0\)$/m);

    /** Runs the command. Resolves when the sockets have ended, in time after the revocation. */
    const ending = async (args: readonly string[], ends: Promise<unknown>) => {
      const before = await revocations();
      const running = agent(args, '');
      await until(async () => (await revocations()) > before);
      const gone = { code: 4510, reason: 'LOGGED_OUT' };
      expect(await within(EVERYWHERE_MS, 'both sockets ended', ends)).toEqual([gone, gone]);
      return running;
    };
    const reset = await ending(['reset', 'ida'], first.ends);
    const [, password = ''] =
      /^The agent Ida has a new password\. .* shown this once: (\S{20})\nLog in at \S+\/agent\n$/.exec(reset.output) ?? [];
    expect([await login('Ida', PASSWORD), (await api.post('/auth/refresh', { refresh: first.refresh })).status]).toEqual([401, 401]);

    const second = await atWork('Ida', password);
    await until(async () => (await owner()) === 'assigned Ida');
    await atWork('Jon', PASSWORD);
    expect(await owner()).toBe('assigned Ida');
    const removed = await ending(['remove', 'Ida'], second.ends);
    await until(async () => (await owner()) === 'assigned Jon');
    const told = 'The agent Ida was removed. All logins have ended. Conversations handed on: 1. What was said stays.\n';
    expect(removed).toEqual({ code: 0, output: told });
    const refusals = [await login('Ida', password), (await api.post('/auth/refresh', { refresh: second.refresh })).status];
    expect([...refusals, (await api.get('/api/v1/agents', { authorization: `Bearer ${second.token}` })).status]).toEqual([401, 401, 401]);
  });
});
