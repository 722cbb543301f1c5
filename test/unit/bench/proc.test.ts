import { spawn } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { Meter } from '#bench/measure/meter.ts';
import { coreTime, kernelMemory, memoryOf } from '#bench/measure/proc.ts';

describe('the meter', () => {
  it('charges a process with what it did, and nobody else', () => {
    const asleep = spawn('sleep', ['60']);
    const meter = new Meter([{ name: 'server', pid: process.pid }], [{ name: 'asleep', pid: asleep.pid ?? 0 }]);
    const before = process.cpuUsage();
    while (process.cpuUsage(before).user < 50_000);
    const used = meter.read();
    expect(used.serverMicros).toBeGreaterThan(40_000);
    expect(used.shares['server']).toBeGreaterThan(used.shares['asleep'] ?? 1);
    asleep.kill();
  });

  it('reads memory and cores in plausible sizes', () => {
    const memory = memoryOf(process.pid);
    expect(memory.resident).toBeGreaterThanOrEqual(memory.anonymous);
    expect(memory.anonymous).toBeGreaterThan(10 * 2 ** 20);
    expect(kernelMemory()).toBeGreaterThan(2 ** 20);
    expect(coreTime(0).busy).toBeGreaterThan(coreTime(0).softirq);
  });
});
