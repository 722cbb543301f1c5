import { spawn } from 'node:child_process';
import { once } from 'node:events';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { embeddedUrl } from '#libs/store/embedded-folder.ts';
import { Child } from '#test/support/child.ts';
import { PrivateClone } from '#test/support/private-clone.ts';
import { RawClient } from '#test/support/raw-client.ts';
import { until, within } from '#test/support/wait.ts';

const LONG = { timeoutMs: 90_000 };

let clone: PrivateClone;
beforeAll(() => {
  clone = new PrivateClone();
});
afterAll(() => clone?.remove());

function environment(): NodeJS.ProcessEnv {
  const { PATH, HOME } = process.env;
  return { PATH, HOME, PORT: '0', ADMIN_PORT: '0' };
}

async function start(): Promise<Child> {
  const child = new Child('npm', ['start'], { cwd: clone.root, env: environment() });
  await until(() => child.ended || child.output.includes('"listening"'), { ...LONG, describe: () => child.output });
  expect(child.output).toContain('"listening"');
  return child;
}

async function stop(child: Child): Promise<void> {
  child.signal('SIGTERM');
  expect(await within(LONG.timeoutMs, `npm start ended\n${child.output}`, child.exited)).toEqual({ code: 0, signal: null });
}

async function query(sql: string): Promise<unknown[]> {
  const client = new pg.Client({ connectionString: embeddedUrl(clone.database) });
  await client.connect();
  try {
    return (await client.query(sql)).rows;
  } finally {
    await client.end();
  }
}

async function guestToken(url: string): Promise<string> {
  const response = await fetch(`${url}/api/v1/guests`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: '{"name":"Ann"}',
  });
  return ((await response.json()) as { token: string }).token;
}

describe('a clone in a folder that others cannot enter', () => {
  it('npm start works there, says nothing that frightens, and finds its data again', async () => {
    const first = await start();
    expect(first.output.match(/"level":"(?:warn|error|fatal)"|^parley: (?!web pages|building).*$/gm) ?? []).toEqual([]);
    await query('CREATE TABLE kept AS SELECT 42 AS n');
    await stop(first);
    const second = await start();
    expect(await query('SELECT n FROM kept')).toEqual([{ n: 42 }]);
    await stop(second);
  });

  it('[D1] Ctrl+C in its terminal drains it, and ends its database', async () => {
    // `script` gives it a terminal, whose line discipline makes a signal to the whole group of the key.
    const terminal = spawn('/usr/bin/script', ['--quiet', '--return', '--command', 'exec npm start', '/dev/null'], {
      cwd: clone.root,
      env: environment(),
    });
    let output = '';
    terminal.stdout.on('data', (chunk) => {
      output += String(chunk);
    });
    const exited = once(terminal, 'exit');
    try {
      await until(() => output.includes('"listening"') || terminal.exitCode !== null, { ...LONG, describe: () => output });
      const port = /"port":(\d+),"adminPort"/.exec(output)?.[1];
      const client = await RawClient.open(`ws://127.0.0.1:${port}/ws/chat`, { token: await guestToken(`http://127.0.0.1:${port}`) });
      terminal.stdin.write('\u0003');
      expect(await within(LONG.timeoutMs, `closed\n${output}`, client.closed)).toMatchObject({ code: 1012 });
      expect(await within(LONG.timeoutMs, `ended\n${output}`, exited)).toEqual([0, null]);
      expect(embeddedUrl(clone.database)).toBeUndefined();
    } finally {
      terminal.kill('SIGKILL');
    }
  });

  it('npm test starts its database there', async () => {
    const script = `
      const { setup, teardown } = await import('./test/support/postgres-global.ts');
      await setup({ provide: (name, url) => console.log(name, url) });
      await teardown();`;
    const child = new Child(process.execPath, ['--input-type=module', '--eval', script], { cwd: clone.root, env: environment() });
    expect(await within(LONG.timeoutMs, 'ended', child.exited), child.output).toEqual({ code: 0, signal: null });
    expect(child.output).toContain('postgresUrl postgres://');
  });
});
