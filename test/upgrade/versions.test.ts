/**
 * The version before and this one side by side on one Redis and one database, under load, there and
 * back: `npm run test:upgrade`.
 */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { openStore } from '#libs/store/store-postgres.ts';
import { AccessScenario } from '#test/support/access-scenario.ts';
import { Random } from '#test/support/random.ts';
import { SLEEPERS, UpgradeStage, type Version } from './upgrade-stage.ts';

/** The acked messages that a sleeper has. */
const slept = new Map(SLEEPERS.map((user) => [user, 0]));
/** Messages of each kind of room between two steps. */
const STEP = 60;

const random = Random.fromEnvironment('versions');
let stage: UpgradeStage;

beforeAll(async () => {
  stage = await UpgradeStage.open(random);
});
beforeEach(({ onTestFailed }) => {
  onTestFailed(() => stage?.printLogs());
});
afterAll(() => stage?.close());

describe.each([
  ['the upgrade', 'old', 'new'],
  ['the way back', 'new', 'old'],
] as const)('%s, from the %s version to the %s one', (name, from, to) => {
  it('[M1] [M2] [M3] [M4] [M5] [P3] schema, worker, API and the first gateway are replaced: nothing acked is lost, nothing comes twice', async () => {
    stage.talk(name);
    await stage.progress(STEP);
    await stage.migrate(to);
    await stage.progress(STEP);
    await stage.replaceWorker(to);
    // A mail that one version queues is sent by the other, and its code holds for both.
    const account = `${name.replaceAll(' ', '-')}@example.com`;
    const code = await stage.loginCode(account);
    await stage.replaceApi(to);
    expect((await stage.api.post('/auth/verify', { account, code })).status).toBe(200);
    await stage.addGateway(to);
    await stage.progress(STEP);
    await stage.endGateway(from);
    await stage.progress(STEP);
    expect(await stage.faults()).toEqual([]);
  });

  it.each(SLEEPERS)('[M6] %s gets at the other version what waited for them, once', async (user) => {
    const said = stage.saidTo(user, slept.get(user) ?? 0);
    slept.set(user, stage.audit.acks.length);
    expect([...said.values()].every((texts) => texts.length > 0)).toBe(true);
    // The client of either version at a gateway of the other.
    const late = stage.visitor(user, to, stage.sdk(from));
    await late.next('offline_messages_complete');
    expect(new Map([...said.keys()].map((room) => [room, late.texts(room)]))).toEqual(said);
    expect(late.heard.every(({ origin }) => origin === 'offline')).toBe(true);
    await late.close();
    const again = stage.visitor(user, from, stage.sdk(to));
    expect((await again.next('offline_messages_complete')).count).toBe(0);
    await again.close();
  });

  it.each([
    [from, to],
    [to, from],
  ] as readonly (readonly [Version, Version])[])(
    '[A11] [R5] [R7] [C] those on the %s gateway who lose a room or are banned are out at once, others on the %s one',
    async (theirs, others) => {
      const store = await openStore({ url: stage.database.url });
      try {
        const { hub, api } = stage;
        const place = { hub, api, store, gateway: stage.gatewayOf(theirs), others: stage.gatewayOf(others) };
        const scenario = await AccessScenario.open(place);
        // A worker would give the conversation that goes back into the queue to the same agent again.
        await stage.withoutWorker(to, async () => {
          await scenario.change();
          await scenario.settled();
        });
        expect(scenario.faults()).toEqual([]);
      } finally {
        await store.close();
        await stage.hub.clear(stage.people);
      }
    },
  );

  it('[M1] [M2] [M3] [M4] [M5] [P3] the last gateway is replaced, and all goes on', async () => {
    stage.talk(`${name}, the end`);
    await stage.progress(STEP);
    await stage.addGateway(to);
    await stage.progress(STEP);
    await stage.endGateway(from);
    await stage.progress(STEP);
    expect(await stage.faults()).toEqual([]);
    expect(() => stage.gatewayOf(from)).toThrow();
  });
});
