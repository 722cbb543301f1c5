import { runApi } from './api.ts';
import { runHandshake } from './handshake.ts';
import { runIdle } from './idle.ts';
import type { Outcome, Pace } from './outcome.ts';
import { runOverload } from './overload.ts';
import { runPeak } from './peak.ts';
import type { SideSpec } from './side.ts';
import { runSteady } from './steady.ts';
import { runStore } from './store.ts';

/** The scenarios of `npm run bench [name]`. */
export interface Scenario {
  readonly name: string;
  readonly about: string;
  readonly run: (pace: Pace) => Promise<Outcome>;
}

const BARE: SideSpec = { label: 'bare uWS', kind: 'bare', rooms: ['fan'] };
const PAIR: SideSpec = { label: 'pair of uWS', kind: 'pair', rooms: ['fan'] };
const ONE_NODE: readonly SideSpec[] = [
  BARE,
  { label: 'memory, keeps nothing', kind: 'parley-memory', rooms: ['live:fan'] },
  { label: 'memory, keeps a stream', kind: 'parley-memory', rooms: ['fan'] },
];
const TWO_NODES: readonly SideSpec[] = [
  PAIR,
  { label: 'Redis, keeps nothing', kind: 'parley-redis', rooms: ['live:fan'] },
  { label: 'Redis, keeps a stream', kind: 'parley-redis', rooms: ['fan'] },
];
const ROOM_OF_THOUSAND = { members: 1_000, publishers: 20, sampleEvery: 25, readEveryMs: 60 };
const ROOM_AT_PEAK = { ...ROOM_OF_THOUSAND, readEveryMs: 0 };

const SMALL = Array.from({ length: 200 }, (_, i) => `small${i}`);
const SMALL_LIVE = SMALL.map((room) => `live:${room}`);
const SMALL_AUDIENCE = { members: 10, publishers: 10, sampleEvery: 5, readEveryMs: 0 };
const SMALL_ONE_NODE: readonly SideSpec[] = [
  { ...BARE, rooms: SMALL },
  { label: 'memory, keeps nothing', kind: 'parley-memory', rooms: SMALL_LIVE },
  { label: 'memory, keeps a stream', kind: 'parley-memory', rooms: SMALL },
];

/** All scenarios, in the order they run. */
export const SCENARIOS: readonly Scenario[] = [
  {
    name: 'calibrate',
    about: 'bare uWS against itself and against the pair: how far the machine can be trusted now',
    run: (pace) =>
      runSteady(
        {
          name: 'calibrate',
          scenario: 'room of 1,000, 50/s',
          sides: [BARE, { ...BARE, label: 'bare uWS again' }, PAIR],
          audience: ROOM_OF_THOUSAND,
          rate: 50,
          cpuGoal: undefined,
          latencyGoal: undefined,
        },
        pace,
      ),
  },
  {
    name: 'fan-out-one',
    about: 'one room of 1,000 on one node, 50 messages/s',
    run: (pace) =>
      runSteady(
        {
          name: 'fan-out-one',
          scenario: 'room of 1,000, one node, 50/s',
          sides: ONE_NODE,
          audience: ROOM_OF_THOUSAND,
          rate: 50,
          cpuGoal: 1.15,
          latencyGoal: 1.2,
        },
        pace,
      ),
  },
  {
    name: 'fan-out-two',
    about: 'one room of 1,000 on two nodes, 50 messages/s',
    run: (pace) =>
      runSteady(
        {
          name: 'fan-out-two',
          scenario: 'room of 1,000, two nodes, 50/s',
          sides: TWO_NODES,
          audience: ROOM_OF_THOUSAND,
          rate: 50,
          cpuGoal: 1.2,
          latencyGoal: 1.2,
        },
        pace,
      ),
  },
  {
    name: 'small-one',
    about: '200 rooms of 10 on one node, 1,500 messages/s in total',
    run: (pace) =>
      runSteady(
        {
          name: 'small-one',
          scenario: '200 rooms of 10, one node, 1,500/s',
          sides: SMALL_ONE_NODE,
          audience: SMALL_AUDIENCE,
          rate: 1_500,
          cpuGoal: 1.35,
          latencyGoal: undefined,
        },
        pace,
      ),
  },
  {
    name: 'small-rooms',
    about: '200 rooms of 10 on two nodes, 1,500 messages/s in total',
    run: (pace) =>
      runSteady(
        {
          name: 'small-rooms',
          scenario: '200 rooms of 10, two nodes, 1,500/s',
          sides: [
            { ...PAIR, rooms: SMALL },
            { label: 'Redis, keeps nothing', kind: 'parley-redis', rooms: SMALL_LIVE },
            { label: 'Redis, keeps a stream', kind: 'parley-redis', rooms: SMALL },
          ],
          audience: SMALL_AUDIENCE,
          rate: 1_500,
          cpuGoal: 1.25,
          latencyGoal: 1.2,
        },
        pace,
      ),
  },
  {
    name: 'handshake',
    about: 'authenticated connections at full speed, CPU for each',
    run: (pace) =>
      runHandshake(
        {
          name: 'handshake',
          scenario: '3,000 connections at full speed',
          sides: [
            { label: 'bare uWS', kind: 'bare', rooms: [] },
            { label: 'memory', kind: 'parley-memory', rooms: [] },
            { label: 'Redis', kind: 'parley-redis-one', rooms: [] },
          ],
          connections: 3_000,
          goal: 4,
        },
        pace,
      ),
  },
  {
    name: 'handshake-room',
    about: 'the same, each straight into one room (shown only)',
    run: (pace) =>
      runHandshake(
        {
          name: 'handshake-room',
          scenario: '3,000 connections into one room',
          sides: [
            { label: 'bare uWS', kind: 'bare', rooms: ['lobby'] },
            { label: 'memory, keeps a stream', kind: 'parley-memory', rooms: ['lobby'] },
            { label: 'Redis, keeps a stream', kind: 'parley-redis-one', rooms: ['lobby'] },
          ],
          connections: 3_000,
          goal: undefined,
        },
        pace,
      ),
  },
  {
    name: 'idle',
    about: 'user memory of an idle connection in one room',
    run: (pace) =>
      runIdle(
        {
          name: 'idle',
          scenario: '5,000 idle connections in one room',
          sides: [
            { label: 'bare uWS', kind: 'bare', rooms: ['lobby'] },
            { label: 'memory, keeps a stream', kind: 'parley-memory', rooms: ['lobby'] },
            { label: 'Redis, keeps a stream', kind: 'parley-redis-one', rooms: ['lobby'] },
          ],
          connections: 5_000,
          goalBytes: 4_096,
        },
        pace,
      ),
  },
  {
    name: 'peak-one',
    about: 'highest rate without loss, one room of 1,000, one node',
    run: (pace) =>
      runPeak(
        {
          name: 'peak-one',
          scenario: 'room of 1,000, one node, peak',
          sides: ONE_NODE,
          audience: ROOM_AT_PEAK,
          start: 200,
          limit: 20_000,
          goal: 0.8,
        },
        pace,
      ),
  },
  {
    name: 'peak-two',
    about: 'highest rate without loss, one room of 1,000, two nodes',
    run: (pace) =>
      runPeak(
        {
          name: 'peak-two',
          scenario: 'room of 1,000, two nodes, peak',
          sides: TWO_NODES,
          audience: ROOM_AT_PEAK,
          start: 200,
          limit: 20_000,
          goal: 0.8,
        },
        pace,
      ),
  },
  {
    name: 'peak-small',
    about: 'highest rate without loss, 200 rooms of 10, one node: arrays of frames beside bare uWS',
    run: (pace) =>
      runPeak(
        {
          name: 'peak-small',
          scenario: '200 rooms of 10, one node, peak',
          sides: [
            { ...BARE, rooms: SMALL },
            { label: 'keeps nothing, arrays', kind: 'parley-memory', rooms: SMALL_LIVE, dialect: 'parley-arrays' },
            { label: 'keeps a stream, arrays', kind: 'parley-memory', rooms: SMALL, dialect: 'parley-arrays' },
          ],
          audience: SMALL_AUDIENCE,
          start: 4_000,
          limit: 100_000,
          goal: 2,
        },
        pace,
      ),
  },
  {
    name: 'peak-arrays',
    about: 'highest rate without loss, one room of 1,000, two nodes: arrays of frames beside the pair',
    run: (pace) =>
      runPeak(
        {
          name: 'peak-arrays',
          scenario: 'room of 1,000, two nodes, peak, arrays',
          sides: [PAIR, { label: 'Redis, a stream, arrays', kind: 'parley-redis', rooms: ['fan'], dialect: 'parley-arrays' }],
          audience: ROOM_AT_PEAK,
          start: 800,
          limit: 20_000,
          goal: 2,
        },
        pace,
      ),
  },
  {
    name: 'store',
    about: 'messages stored a second through two gateways, in groups and one by one, and what PostgreSQL can take',
    run: (pace) => runStore('store', pace),
  },
  {
    name: 'overload',
    about: 'twice the highest rate without loss: one room of 1,000, small rooms, stored messages, on two nodes',
    run: (pace) =>
      runOverload(
        'overload',
        [
          { label: 'room of 1,000', rooms: ['fan'], audience: ROOM_OF_THOUSAND, start: 200 },
          {
            label: '200 rooms of 10',
            rooms: Array.from({ length: 200 }, (_, i) => `small${i}`),
            audience: { members: 10, publishers: 10, sampleEvery: 5, readEveryMs: 0 },
            start: 1_000,
          },
        ],
        pace,
      ),
  },
  {
    name: 'api',
    about: 'login, a page of history, a push: requests a second and their times',
    run: (pace) => runApi('api', pace),
  },
];
