import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import type { Point } from './grid.ts';

/** What was measured at a point. Times in microseconds of one core unless named otherwise. */
export interface Figures {
  /** For one new connection: until it is in its room, and the servers are idle again. */
  readonly connect: {
    readonly seconds: number;
    readonly gatewayMicros: number;
    readonly redisMicros: number;
    /** Commands that Redis ran, with those inside of scripts. */
    readonly redisCalls: number;
    readonly redisBytes: number;
    /** Statements of PostgreSQL. */
    readonly statements: number;
    /** Scripts of presence. */
    readonly presence: number;
    /** Commands as the gateways sent them, by name. */
    readonly commands: Readonly<Record<string, number>>;
    readonly retried: number;
  };
  /** For one new connection. `kernelBytes` has both ends of it. Null with few new ones. */
  readonly memory: { readonly eachBytes: number; readonly kernelBytes: number } | null;
  /** A second in which nothing happens. */
  readonly idle: {
    readonly gatewayMicrosEachConnection: number;
    readonly redisCallsEachNode: number;
    readonly redisBytesEachNode: number;
    readonly commands: Readonly<Record<string, number>>;
  };
  /** Traffic, less what an idle time of the same length uses. */
  readonly talk: {
    readonly messages: number;
    readonly deliveries: number;
    /** Messages, once for each node with a member in their room. */
    readonly relays: number;
    readonly seconds: number;
    readonly lost: number;
    readonly gatewayMicrosEachDelivery: number;
    readonly loadMicrosEachDelivery: number;
    readonly gatewayMicrosEachMessage: number;
    readonly redisMicrosEachMessage: number;
    readonly redisCallsEachMessage: number;
    readonly redisInBytesEachMessage: number;
    readonly redisOutBytesEachRelay: number;
  };
  /**
   * Redis ended and started empty. `seconds` from its first answer until it knows everybody again;
   * null if that took longer than 90 s. `Each`: for each connection and membership.
   */
  readonly restart: {
    readonly seconds: number | null;
    readonly redisCallsEach: number;
    readonly redisBytesEach: number;
    /** For each connection. */
    readonly gatewayMicrosEach: number;
    /** Deliveries that were missing after it. */
    readonly lostAfter: number;
  };
  /**
   * A gateway died with so many connections. `backSeconds` until all are in their rooms again,
   * `goneSeconds` until Redis knows everybody, and nothing of the dead node. Null with one gateway.
   */
  readonly death: { readonly connections: number; readonly backSeconds: number; readonly goneSeconds: number | null } | null;
}

/** A point with its figures. */
export interface Measured extends Point {
  readonly figures: Figures;
}

/** The file of results. Each point is the last one that was measured. */
export interface Results {
  readonly machine: string;
  readonly node: string;
  readonly redis: string;
  /** ISO, of the first and the last point. */
  readonly from: string;
  readonly to: string;
  readonly points: readonly Measured[];
}

/** The results that are committed. */
export const RESULTS = new URL('./results/scale.json', import.meta.url);

/** Reads a file of results; undefined if there is none. */
export function readResults(file: URL): Results | undefined {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Results;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}

/** The results with one more point, in place of the same point measured before. */
export function withPoint(results: Results, measured: Measured, at: string): Results {
  const points = [...results.points.filter((one) => !samePoint(one, measured)), measured];
  points.sort((one, other) => one.shape.localeCompare(other.shape) || one.nodes - other.nodes || one.connections - other.connections);
  return { ...results, to: at, points };
}

export function samePoint(one: Point, other: Point): boolean {
  return one.nodes === other.nodes && one.connections === other.connections && one.shape === other.shape;
}

export function writeResults(file: URL, results: Results): void {
  mkdirSync(new URL('.', file), { recursive: true });
  writeFileSync(file, `${JSON.stringify(rounded(results), null, 1)}\n`);
}

/** Four digits of each number are more than the machine can tell. */
function rounded(value: unknown): unknown {
  if (typeof value === 'number') return Number.isInteger(value) ? value : Number(value.toPrecision(4));
  if (Array.isArray(value)) return value.map(rounded);
  if (typeof value === 'object' && value !== null)
    return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, rounded(one)]));
  return value;
}
