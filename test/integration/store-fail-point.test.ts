import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import type { StoredMessage } from '#libs/store/message-store.ts';
import { openStore } from '#libs/store/store-postgres.ts';
import { Child } from '#test/support/child.ts';
import { PostgresDatabase } from '#test/support/postgres.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

test('[M1] killed at after-insert: the row is committed, nothing was told, and the retry gets its place', async () => {
  const database = await PostgresDatabase.create();
  const said: StoredMessage = { room: 'group:f', offset: 1, epoch: 'e', id: 'm1', sender: '{}', text: 'x', data: undefined, at: 5 };
  const program = `
    import { openStore } from '#libs/store/store-postgres.ts';
    const store = await openStore({ url: ${JSON.stringify(database.url)}, timeoutMs: 30_000 });
    await store.messages.append(${JSON.stringify(said)});
    console.log('acked');`;
  const env = { ...process.env, FAIL_POINTS: 'after-insert=kill' };
  const child = new Child(process.execPath, ['--input-type=module', '-e', program], { cwd: ROOT, env });
  expect(await child.exited).toEqual({ code: null, signal: 'SIGKILL' });
  expect(child.output).not.toContain('acked');
  const store = await openStore({ url: database.url, timeoutMs: 30_000 });
  expect(await store.messages.after('group:f', 0, 10)).toEqual([said]);
  expect(await store.messages.append({ ...said, offset: 2, at: 9 })).toEqual({ offset: 1, epoch: 'e', at: 5 });
  await store.close();
  await database.drop();
});
