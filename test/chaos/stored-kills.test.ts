import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { Random } from '#test/support/random.ts';
import { StoredStage } from '#test/support/stored-stage.ts';
import { TestHub } from '#test/support/test-hub.ts';
import { until } from '#test/support/wait.ts';

vi.setConfig({ testTimeout: 180_000, hookTimeout: 120_000 });

const WRITERS = 50;
/** Each writer says something about as often, milliseconds. */
const EVERY_MS = 150;
/** Messages before and after each blow. */
const BEFORE = 60;
const AFTER = 120;

const root = Random.fromEnvironment('stored kills');
let stage: StoredStage;
TestHub.showLogs(() => stage?.hub);

beforeAll(async () => {
  stage = await StoredStage.open({ random: root, writers: WRITERS });
});
afterAll(() => stage?.close());

/** A gateway that dies at the fail-point in mid-traffic, in the place of another one; then a sound one takes its place. */
async function diesAt(point: string, passes: number, random: Random): Promise<void> {
  const victim = await stage.add({ FAIL_POINTS: `${point}@${passes}=kill` });
  const [first] = stage.hub.living.filter((gateway) => gateway !== victim);
  if (first !== undefined) await stage.kill(first);
  await until(() => victim.ended, { timeoutMs: 60_000, describe: `${point} was passed ${passes} times` });
  await stage.writers.progress(random.between(5, 40));
  await stage.add();
}

/** Both gateways and Redis, at once or with a few messages in between; Redis comes back empty, or with data from a while before. */
async function allDie(random: Random): Promise<void> {
  const older = random.next() < 0.5;
  if (older) {
    await stage.redis.save();
    await stage.writers.progress(random.between(1, 120));
  }
  const kills = [() => stage.redis.kill(), ...stage.hub.living.map((gateway) => () => stage.kill(gateway))];
  const killed: Promise<void>[] = [];
  // One goes ahead of the others, which still get some way without it; a lost Redis lets nothing be acked.
  const first = random.between(0, kills.length - 1);
  killed.push(...kills.splice(first, 1).map((kill) => kill()));
  if (first > 0 && random.next() < 0.5) await stage.writers.progress(random.between(1, 10));
  killed.push(...kills.map((kill) => kill()));
  await Promise.all(killed);
  await (older ? stage.redis.restartFromSnapshot() : stage.redis.restartEmpty());
  await Promise.all([stage.add(), stage.add()]);
}

async function postgresAway(go: () => void | Promise<void>, back: () => void | Promise<void>): Promise<void> {
  await go();
  try {
    await stage.storeMissed();
  } finally {
    await back();
  }
}

const BLOWS: Readonly<Record<string, (random: Random) => Promise<void>>> = {
  'a gateway is killed after-publish': (random) => diesAt('after-publish', random.between(10, 60), random),
  'a gateway is killed after-insert': (random) => diesAt('after-insert', random.between(5, 25), random),
  'a gateway is killed before-ack': (random) => diesAt('before-ack', random.between(10, 60), random),
  'Redis alone is killed and comes back with older data': async (random) => {
    await stage.redis.save();
    await stage.writers.progress(random.between(30, 120));
    await stage.redis.restartFromSnapshot();
  },
  'Postgres is killed': () =>
    postgresAway(
      () => stage.postgres.kill9(),
      () => stage.postgres.start(),
    ),
  'Postgres is stopped in order': () =>
    postgresAway(
      () => stage.postgres.shutDown(),
      () => stage.postgres.start(),
    ),
  'Postgres is frozen, and Redis lost meanwhile': () =>
    postgresAway(
      async () => {
        stage.postgres.freeze();
        await stage.redis.restartEmpty();
      },
      () => stage.postgres.thaw(),
    ),
  'a gateway stands still while Redis is lost': async (random) => {
    const sleeper = await stage.leastUsed();
    sleeper.freeze();
    try {
      await stage.redis.restartEmpty();
      await stage.writers.progress(random.between(20, 60));
    } finally {
      sleeper.thaw();
    }
  },
};

describe('50 writers on two gateways lose nothing that was acked, and nothing is there twice', () => {
  beforeEach(({ onTestFailed }) => {
    onTestFailed(() => console.error(stage?.writers.scattered().join('\n')));
  });

  async function holds(name: string, blow: (random: Random) => Promise<void>, random: Random): Promise<void> {
    const before = stage.audit.acks.length;
    stage.writers.talk(name, EVERY_MS);
    await stage.writers.progress(BEFORE + random.between(0, 60));
    await blow(random);
    await stage.writers.progress(AFTER);
    expect((await stage.faults()).slice(0, 10)).toEqual([]);
    expect(stage.audit.acks.length).toBeGreaterThan(before + BEFORE + AFTER);
    expect(stage.hub.living).toHaveLength(2);
  }

  it.each(Object.entries(BLOWS).map(([name, blow], i) => [name, blow, i] as const))('[M1] [M2] [M3] %s', (name, blow, i) =>
    holds(name, blow, new Random(root.seed + i)),
  );

  it.each([1, 2, 3, 4, 5, 6])('[M1] [M2] [M3] gateways and Redis are all killed, seed %i', (seed) =>
    holds(`all killed, ${seed}`, allDie, new Random(seed)),
  );

  it('[D1] the gateways that lived through all of this end in order', async () => {
    await stage.writers.close();
    expect(await Promise.all(stage.hub.living.map((gateway) => gateway.term()))).toEqual([0, 0]);
  });
});
