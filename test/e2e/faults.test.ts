import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { RedisServer } from '#test/support/redis-server.ts';
import { TestHub } from '#test/support/test-hub.ts';
import { until } from '#test/support/wait.ts';

/** What no log may ever show: the parser's complaint quotes it. */
const SECRET = 'my dear diary';

let hub: TestHub<RedisServer>;
TestHub.showLogs(() => hub);
beforeAll(async () => {
  hub = await TestHub.single({ gateways: 1 });
  // A row that no program of ours writes: reading it fails in a way that nobody foresaw.
  await hub.database.query(
    `INSERT INTO messages (room, "offset", epoch, id, sender, text, data, at) VALUES ('park', 1, 'e', 'm', '{}', $1, NULL, 5)`,
    [SECRET],
  );
});
afterEach(() => hub.clear());
afterAll(() => hub?.stop());

interface LogLine {
  readonly level: string;
  readonly msg: string;
  readonly node: string;
  readonly user?: string;
  readonly session?: string;
  readonly name?: string;
  readonly stack?: string;
}

/** Lines of bugs; the log stands before the answer, both in one turn. */
function bugs(): LogLine[] {
  const lines = hub
    .gateway(0)
    .output.split('\n')
    .filter((line) => line.includes('unexpected error'));
  return lines.map((line) => JSON.parse(line));
}

describe('an error that is a bug', () => {
  it('is told as UNAVAILABLE, and once by the log: who, where, and nothing that anybody wrote', async () => {
    const gateway = hub.gateway(0);
    const ada = await hub.client('ada');
    expect(await gateway.metric('parley_faults_total')).toBe(0);
    await expect(ada.history('park')).rejects.toMatchObject({ code: 'UNAVAILABLE', frame: { retryable: true } });
    expect(await gateway.metric('parley_faults_total')).toBe(1);
    const [bug, ...more] = bugs();
    expect(more).toEqual([]);
    expect(bug).toMatchObject({ level: 'error', node: gateway.node, user: 'ada', session: ada.welcome.session, name: 'SyntaxError' });
    expect(bug?.stack).toMatch(/^ +at .*libs\/store\/messages\.ts/m);
    expect(gateway.output).not.toContain(SECRET);
    expect(gateway.output).not.toContain(SECRET.slice(0, 5));
    // The connection lives.
    expect(await ada.onLineNumber()).toBe(1);
  });

  it('is no bug where it was foreseen: a refusal is in no log', async () => {
    const before = bugs().length;
    const bob = await hub.client('bob');
    await expect(bob.join('group:none')).rejects.toMatchObject({ code: 'FORBIDDEN' });
    await expect(bob.message('somewhere', 'hi')).rejects.toMatchObject({ code: 'NOT_JOINED' });
    expect(bugs()).toHaveLength(before);
  });
});

describe('a promise that is rejected and that nobody handles', () => {
  const TIMES = 50;
  /** As a bug in a package would be. */
  const BUG = `process.on('SIGUSR2',()=>{for(let n=0;n<${TIMES};n++)Promise.reject(new(TypeError)('${SECRET.replaceAll(' ', '_')}'))})`;

  it('ends no gateway: it is counted, logged at once, and in the end with how often it came', async () => {
    const gateway = await hub.add({ NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(BUG)}` });
    const ada = await hub.client('ada', 1);
    const faults = () => gateway.metric('parley_background_faults_total', 'task="other"');
    expect(await faults()).toBe(0);
    process.kill(gateway.pid, 'SIGUSR2');
    await until(async () => (await faults()) === TIMES);
    expect(await ada.onLineNumber()).toBe(1);
    const lines = (): LogLine[] =>
      gateway.output
        .split('\n')
        .filter((line) => line.includes('a background task failed'))
        .map((line) => JSON.parse(line));
    await until(() => lines().length > 1);
    const fault = { level: 'error', task: 'other', name: 'TypeError' };
    expect(lines()).toMatchObject([fault, { ...fault, repeated: TIMES - 1 }]);
    expect(ada.closes).toEqual([]);
  });
});
