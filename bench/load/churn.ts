import { quantile } from '#bench/measure/stats.ts';
import type { Dialect } from './dialect.ts';
import type { LoadClient } from './load-client.ts';
import type { Churned, Churning } from './plan.ts';

const TICK_MS = 1;
const DRAIN_MS = 5_000;

/**
 * Open connections enter rooms and leave them again, in an open loop: a join is timed from when it
 * was due. Each connection does one thing at a time.
 * @throws Error if an open connection cannot enter a room, or one is cut off.
 */
export async function churn(
  clients: readonly Pick<LoadClient, 'ask'>[],
  dialect: Dialect,
  { rooms, rate, seconds }: Churning,
): Promise<Churned> {
  const { join, leave } = dialect;
  if (join === undefined || leave === undefined) throw new Error('an open connection enters no further room');
  const cpu = process.cpuUsage();
  const idle = [...clients];
  const due: number[] = [];
  const times: number[] = [];
  const faults: unknown[] = [];
  const total = Math.round(rate * seconds);
  const started = performance.now();
  let made = 0;
  let done = 0;
  const visit = async (client: Pick<LoadClient, 'ask'>, dueAt: number, number: number) => {
    const room = rooms[number % rooms.length] ?? '';
    await client.ask(join(room, String(2 * number + 1)));
    times.push(performance.now() - dueAt);
    await client.ask(leave(room, String(2 * number + 2)));
    done += 1;
    idle.push(client);
    next();
  };
  const next = () => {
    const dueAt = due[0];
    const client = dueAt === undefined ? undefined : idle.shift();
    if (dueAt === undefined || client === undefined) return;
    due.shift();
    visit(client, dueAt, made++).catch((error: unknown) => faults.push(error));
  };
  for (let planned = 0; planned < total; await pause(TICK_MS)) {
    for (; planned < total && started + (planned / rate) * 1000 <= performance.now(); planned++) {
      due.push(started + (planned / rate) * 1000);
      next();
    }
  }
  const deadline = performance.now() + DRAIN_MS;
  while (done + faults.length < total && performance.now() < deadline) await pause(TICK_MS);
  if (faults.length > 0) throw new Error(`${faults.length} could not enter or leave a room, the first: ${String(faults[0])}`);
  const used = process.cpuUsage(cpu);
  const sorted = Float64Array.from(times).sort();
  return { done, unfinished: total - done, p50: quantile(sorted, 0.5), p99: quantile(sorted, 0.99), cpuMicros: used.user + used.system };
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}
