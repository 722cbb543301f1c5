import { describe, expect, it } from 'vitest';
import { planOf, type Units } from '#bench/scale/capacity.ts';

const UNITS: Units = {
  estimated: false,
  connect: 500,
  idle: 5,
  delivery: 10,
  message: 100,
  relay: 20,
  memory: 4,
  kernel: 4,
  redisConnect: 50,
  redisMessage: 40,
  redisRelay: 2,
  redisOut: 0.4,
  rejoin: 0.5,
};
const HABITS = { messages: 0.1, room: 10, connects: 0.001, stored: 0.5 };

describe('the capacity page', () => {
  it('reckons gateways by hand: two nodes, one room of ten on nearly both', () => {
    const plan = planOf(UNITS, 10_000, HABITS);
    const relays = 2 * (1 - 0.5 ** 10);
    const cores = (10_000 * (5 + 0.001 * 500) + 1_000 * (100 + relays * 20 + 10 * 10)) / 1e6;
    expect(plan.nodes).toBe(2);
    expect(plan.relays).toBeCloseTo(relays);
    expect(plan.gatewayCores).toBeCloseTo(cores);
    expect(plan.redisCores).toBeCloseTo((1_000 * (40 + relays * 2) + 10 * 50) / 1e6);
    expect(plan.stored).toBe(500);
    expect([plan.shards, plan.databases]).toEqual([1, 1]);
    expect(plan.rejoin).toBeCloseTo(5);
  });

  it('adds nodes by whichever is short, connections or cores, and never has fewer for more users', () => {
    const quiet = planOf(UNITS, 1_000_000, { ...HABITS, messages: 1e-6 });
    expect(quiet.nodes).toBe(40);
    const loud = planOf(UNITS, 1_000_000, HABITS);
    expect(loud.nodes).toBeGreaterThanOrEqual(Math.ceil(loud.gatewayCores / 0.6));
    expect(loud.nodes).toBeGreaterThan(40);
    const nodes = [1e4, 1e5, 1e6, 1e7].map((users) => planOf(UNITS, users, HABITS).nodes);
    expect([...nodes].sort((one, other) => one - other)).toEqual(nodes);
  });
});
