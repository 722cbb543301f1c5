import { readFileSync } from 'node:fs';
import { cpuMicrosOf } from '#bench/measure/proc.ts';
import { type Sums, sumsOf } from './metrics-text.ts';
import type { ScaleHub } from './scale-hub.ts';

/** What a hub and its Redis did so far. */
export interface Reading {
  /** Steady time, milliseconds. */
  readonly at: number;
  /** CPU of all gateways, microseconds. */
  readonly gatewayMicros: number;
  readonly redisMicros: number;
  /** Commands that Redis ran, with those inside of scripts. */
  readonly redisCalls: number;
  readonly redisInBytes: number;
  readonly redisOutBytes: number;
  /** Commands as the gateways sent them, by name: scripts in lower case. */
  readonly commands: Sums;
  /** Statements of PostgreSQL, by verb and table. */
  readonly statements: Sums;
}

/** What happened between two readings. */
export interface Used extends Omit<Reading, 'at'> {
  readonly seconds: number;
}

/** Reads everything at one time. The readings' own commands are not counted. */
export async function read(hub: ScaleHub): Promise<Reading> {
  const [metrics, info] = await Promise.all([
    Promise.all(hub.gateways.map(({ adminPort }) => fetch(`http://127.0.0.1:${adminPort}/metrics`).then((answer) => answer.text()))),
    redisInfo(hub),
  ]);
  return {
    at: performance.now(),
    gatewayMicros: hub.gateways.reduce((sum, { server }) => sum + cpuMicrosOf(server.pid), 0),
    ...info,
    commands: sumsOf(metrics, 'parley_redis_command_seconds_count', 'command'),
    statements: sumsOf(metrics, 'parley_store_statement_seconds_count', 'statement'),
  };
}

/** What happened since an earlier reading of the same processes. */
export function since(before: Reading, after: Reading): Used {
  const less = (one: Sums, other: Sums): Sums =>
    Object.fromEntries(
      Object.entries(one)
        .map(([name, count]) => [name, count - (other[name] ?? 0)] as const)
        .filter(([, count]) => count !== 0),
    );
  return {
    seconds: (after.at - before.at) / 1000,
    gatewayMicros: after.gatewayMicros - before.gatewayMicros,
    redisMicros: after.redisMicros - before.redisMicros,
    redisCalls: after.redisCalls - before.redisCalls,
    redisInBytes: after.redisInBytes - before.redisInBytes,
    redisOutBytes: after.redisOutBytes - before.redisOutBytes,
    commands: less(after.commands, before.commands),
    statements: less(after.statements, before.statements),
  };
}

/** What is used beyond what an idle time of the same length uses. */
export function beyond(used: Used, idle: Used): Used {
  const share = used.seconds / idle.seconds;
  const more = (one: number, other: number): number => one - other * share;
  const less = (one: Sums, other: Sums): Sums =>
    Object.fromEntries(Object.entries(one).map(([name, count]) => [name, more(count, other[name] ?? 0)]));
  return {
    seconds: used.seconds,
    gatewayMicros: more(used.gatewayMicros, idle.gatewayMicros),
    redisMicros: more(used.redisMicros, idle.redisMicros),
    redisCalls: more(used.redisCalls, idle.redisCalls),
    redisInBytes: more(used.redisInBytes, idle.redisInBytes),
    redisOutBytes: more(used.redisOutBytes, idle.redisOutBytes),
    commands: less(used.commands, idle.commands),
    statements: less(used.statements, idle.statements),
  };
}

async function redisInfo(hub: ScaleHub): Promise<Pick<Reading, 'redisMicros' | 'redisCalls' | 'redisInBytes' | 'redisOutBytes'>> {
  // The own replies so far are in the counters: those of this reading are not yet.
  const own = { ...hub.own };
  const text = await hub.info('everything');
  const value = (name: string): number => Number(new RegExp(`^${name}:(.*)$`, 'm').exec(text)?.[1] ?? Number.NaN);
  let calls = 0;
  for (const [, name, count] of text.matchAll(/^cmdstat_([^:]+):calls=(\d+)/gm)) if (name !== 'info') calls += Number(count);
  return {
    redisMicros: (value('used_cpu_user') + value('used_cpu_sys')) * 1e6,
    redisCalls: calls - own.calls,
    redisInBytes: value('total_net_input_bytes'),
    redisOutBytes: value('total_net_output_bytes') - own.bytes,
  };
}

/** Bytes of the kernel that cannot be given back: among them both ends of each loopback connection. */
export function kernelBytes(): number {
  return Number(/^SUnreclaim: +(\d+) kB/m.exec(readFileSync('/proc/meminfo', 'latin1'))?.[1] ?? Number.NaN) * 1024;
}
