import { describe, expect, it } from 'vitest';
import { Meter } from '#bench/measure/meter.ts';
import { coreTime, kernelMemory, memoryOf } from '#bench/measure/proc.ts';

describe('the meter', () => {
  it('charges a process with what it did, and nobody else', () => {
    const meter = new Meter([{ name: 'server', pid: process.pid }], [{ name: 'init', pid: 1 }]);
    const before = process.cpuUsage();
    while (process.cpuUsage(before).user < 50_000);
    const used = meter.read();
    expect(used.serverMicros).toBeGreaterThan(40_000);
    expect(used.shares['server']).toBeGreaterThan(used.shares['init'] ?? 1);
  });

  it('reads memory and cores in plausible sizes', () => {
    const memory = memoryOf(process.pid);
    expect(memory.resident).toBeGreaterThanOrEqual(memory.anonymous);
    expect(memory.anonymous).toBeGreaterThan(10 * 2 ** 20);
    expect(kernelMemory()).toBeGreaterThan(2 ** 20);
    expect(coreTime(0).busy).toBeGreaterThan(coreTime(0).softirq);
  });
});
