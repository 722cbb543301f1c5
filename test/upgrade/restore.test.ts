/** PostgreSQL is restored from a backup that is older than what people have seen. */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isPrivateRoom } from '#libs/protocol/room-kinds.ts';
import type { ChatClient } from '#test/support/chat-client.ts';
import { Child } from '#test/support/child.ts';
import { REPLICATED } from '#test/support/postgres-server.ts';
import { Random } from '#test/support/random.ts';
import { messageOf } from '#test/support/server-frame.ts';
import { SmtpServer } from '#test/support/smtp-server.ts';
import { StoredStage } from '#test/support/stored-stage.ts';
import { TestHub } from '#test/support/test-hub.ts';
import { until } from '#test/support/wait.ts';
import { WorkerProcess } from '#test/support/worker-process.ts';

const EVERY_MS = 150;
/** Messages before, after and between the steps. */
const STEP = 100;
/** The page of the new epoch ends below its position, and the first message is above it (M3). */
const JUMP = /the position is 1\d{9}: .*"recovered":false|offset 1\d{9} right after \d{1,6}:/;
const PATIENCE = { timeoutMs: 60_000 };
const random = Random.fromEnvironment('restore');

describe.each([
  ['an empty Redis', (stage: StoredStage) => stage.redis.restartEmpty(), false],
  ['a Redis that is newer', async () => undefined, true],
] as const)('PostgreSQL is restored beside %s', (_, lose, isNewer) => {
  let stage: StoredStage;
  let smtp: SmtpServer;
  let worker: WorkerProcess;
  TestHub.showLogs(() => stage?.hub);

  beforeAll(async () => {
    [stage, smtp] = await Promise.all([StoredStage.open({ random, writers: 10, postgres: REPLICATED }), SmtpServer.start()]);
    worker = await startWorker();
  });
  afterAll(async () => {
    await worker?.kill9();
    await stage?.close();
    await smtp?.stop();
  });

  const startWorker = (): Promise<WorkerProcess> => WorkerProcess.start({ ...stage.hub.settings, SMTP_URL: smtp.url });

  /** `npm run migrate -- restored`. */
  async function migrateRestored(): Promise<{ readonly code: number | null; readonly output: string }> {
    const child = new Child(process.execPath, ['services/migrate/main.ts', 'restored'], {
      env: { PATH: process.env['PATH'], ...stage.hub.settings },
    });
    return { code: (await child.exited).code, output: child.output };
  }

  const direct = async (from: ChatClient, to: string, text: string): Promise<number> =>
    messageOf(await from.request({ type: 'message', id: randomUUID(), to, text })).offset ?? Number.NaN;

  it('[M3] [M1] no offset is given twice, epochs change, all who are there are told, and what waits still comes', async () => {
    const { writers, audit, postgres, hub } = stage;
    const joined = stage.rooms.filter((room) => !isPrivateRoom(room));
    await (await hub.client('ada')).close();
    const eve = await hub.client('eve');
    const first = await direct(eve, 'ada', 'before the backup');
    writers.talk('before', EVERY_MS);
    await writers.progress(STEP);
    const saved = [...audit.acks];
    const backup = await postgres.backUp();
    await writers.progress(STEP);
    await writers.rest();
    await (await hub.client('zoe')).close();
    const lost = [await direct(eve, 'ada', 'after it'), await direct(eve, 'zoe', 'to one of whom the backup does not know')];
    const last = audit.acks.length;
    const epochs = new Map(joined.map((room) => [room, writers.clients[0]?.ledger.position(room)?.epoch]));

    const refused = await migrateRestored();
    expect(refused.code).toBe(1);
    expect(refused.output).toContain('stop all of them first');
    await eve.close();
    await Promise.all([stage.leave(), worker.term()]);
    await postgres.restore(backup);
    await lose(stage);
    const restored = await migrateRestored();
    expect(restored.code, restored.output).toBe(0);
    await Promise.all([stage.add(), stage.add()]);
    worker = await startWorker();

    const told = (): number[] => writers.clients.flatMap(({ ledger }) => joined.map((room) => ledger.told(room)));
    await until(() => told().every((times) => times > 0), { ...PATIENCE, describe: () => `all are told: ${told().join()}` });
    writers.talk('after', EVERY_MS);
    await writers.progress(STEP);
    await writers.rest();
    expect(told().every((times) => times === 1)).toBe(true);
    for (const { ledger } of writers.clients) {
      expect(ledger.violations.filter(({ detail }) => !JUMP.test(detail))).toEqual([]);
      for (const room of joined) expect(ledger.position(room)?.epoch).not.toBe(epochs.get(room));
    }

    // Nobody ever saw two messages at one place of a room.
    const places = new Map<string, string>();
    const twice = writers.clients.flatMap(({ heard }) =>
      heard.filter(({ room, offset, message: { id } }) => {
        const known = places.get(`${room} ${offset}`) ?? id;
        places.set(`${room} ${offset}`, id);
        return known !== id;
      }),
    );
    expect(twice).toEqual([]);
    for (const room of stage.rooms) {
      const offsets = (acks: typeof audit.acks): number[] => acks.filter((ack) => ack.room === room).map(({ offset }) => offset);
      expect(Math.min(...offsets(audit.acks.slice(last)))).toBeGreaterThan(Math.max(...offsets(audit.acks.slice(0, last))));
    }

    // What the backup has is there. Of the rest a newer Redis has what is younger than 50 minutes.
    const missing = async (): Promise<string[]> => {
      const rows = new Set((await stage.database.query('SELECT room, "offset", id FROM messages')).map((row) => Object.values(row).join()));
      return audit.acks.filter(({ room, offset, id }) => !rows.has([room, offset, id].join())).map(({ id }) => id);
    };
    if (isNewer) await until(async () => (await missing()).length === 0, PATIENCE);
    const gone = new Set(await missing());
    expect([...saved, ...audit.acks.slice(last)].filter(({ id }) => gone.has(id))).toEqual([]);
    expect(gone.size > 0).toBe(!isNewer);

    const again = await hub.client('eve', 2);
    // The restored database does not know her.
    await (await hub.client('zoe', 2)).close();
    const next = [await direct(again, 'ada', 'after the restore'), await direct(again, 'zoe', 'after the restore, too')];
    next.forEach((offset, i) => void expect(offset).toBeGreaterThan(lost[i] ?? Number.NaN));
    const ada = await hub.client('ada', 2);
    await ada.waitFor('offline_messages_complete');
    expect(ada.of('offline_message').map(({ offset }) => offset)).toEqual([first, ...(isNewer ? [lost[0]] : []), next[0]]);
  });
});
