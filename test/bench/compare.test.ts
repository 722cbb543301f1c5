import { afterAll, describe, expect, it } from 'vitest';
import { stopPostgres } from '#bench/measure/postgres-process.ts';
import { runChurn } from '#bench/scenarios/churn.ts';
import type { Pace } from '#bench/scenarios/outcome.ts';
import { runRecovery } from '#bench/scenarios/recovery.ts';
import { type SideSpec, withSides } from '#bench/scenarios/side.ts';

const PACE: Pace = { quick: true, rounds: 1, say: () => undefined };
/** Those that npm installs. */
const SIDES: readonly SideSpec[] = [
  { label: 'bare', kind: 'bare', rooms: ['a', 'b'] },
  { label: 'ws', kind: 'ws', rooms: ['a', 'b'] },
  { label: 'Socket.IO', kind: 'socket-io-streams', rooms: ['a', 'b'] },
  { label: 'Parley', kind: 'parley-redis', rooms: ['a', 'b'] },
];

afterAll(stopPostgres);

describe('the comparison, with the real servers', () => {
  it('has every message once, at everybody in the room and nobody else', async () => {
    await withSides(SIDES, async (sides) => {
      for (const side of sides) {
        await side.seat({ members: 6, publishers: 2, sampleEvery: 2, readEveryMs: 0 });
        const got = await side.load.run({ rate: 40, seconds: 1, drainMs: 2_000 });
        // 40 messages, each for the 6 members of its room.
        expect([side.spec.label, got.received, got.lost, got.closed]).toEqual([side.spec.label, 240, 0, 0]);
        expect(got.samples).toBe(120);
      }
    });
  });

  it('measures joins of all, and answers to all of them', async () => {
    const { runs } = await runChurn({ name: 'churn', scenario: 's', sides: SIDES, connections: 10, rate: 50 }, PACE);
    expect(runs).toHaveLength(SIDES.length);
    for (const run of runs) expect(run).toMatchObject({ unfinished: 0 });
  });

  it('tells who recovers from who does not', async () => {
    const sides = SIDES.map((side) => ({ ...side, rooms: ['a'] }));
    const { runs } = await runRecovery({ name: 'recovery', scenario: 's', sides, clients: 5, cutMs: 500, rate: 20 }, PACE);
    const lost = new Map(runs.map((run) => [run.side, 'lost' in run && Number(run.lost) > 0]));
    expect(Object.fromEntries(lost)).toEqual({ bare: true, ws: true, 'Socket.IO': false, Parley: false });
  });
});
