/** What the people of a load do: presets, and scenario files in JSON. */
import { readFileSync } from 'node:fs';
import { type Static, Type } from '@sinclair/typebox';
import { Value } from '@sinclair/typebox/value';

const strict = { additionalProperties: false } as const;
/** A part of all connections. Shares count in relation to their sum. */
const share = Type.Number({ exclusiveMinimum: 0 });
const everySeconds = Type.Number({ minimum: 0.05, maximum: 86_400 });

const SCENARIO = Type.Object(
  {
    /** One sentence for the report. */
    about: Type.String({ minLength: 1 }),
    connections: Type.Integer({ minimum: 1, maximum: 10_000_000 }),
    /** New connections a second until all are there. */
    rampPerSecond: Type.Number({ exclusiveMinimum: 0 }),
    /** Seconds of traffic, once all are connected. */
    seconds: Type.Number({ exclusiveMinimum: 0, maximum: 604_800 }),
    rooms: Type.Object(
      {
        count: Type.Integer({ minimum: 1, maximum: 10_000_000 }),
        /** `stream`: a loss is seen and filled. `live`: the hub keeps nothing. */
        keeps: Type.Union([Type.Literal('stream'), Type.Literal('live')]),
        /** How people are spread over rooms. `zipf`: the n-th room has 1/n of the first one's. */
        spread: Type.Union([Type.Literal('uniform'), Type.Literal('zipf')]),
      },
      strict,
    ),
    people: Type.Object(
      {
        /** Connected, in no room. */
        idle: Type.Optional(Type.Object({ share }, strict)),
        /** In a room, silent. */
        lurk: Type.Optional(Type.Object({ share }, strict)),
        /** In a room, says something each so many seconds on average. */
        chat: Type.Optional(Type.Object({ share, everySeconds }, strict)),
        /** Leaves its room and joins it again. */
        churn: Type.Optional(Type.Object({ share, everySeconds }, strict)),
        /** Loses its connection and comes back, where it was. `atOnce`: all in the same moment. */
        reconnect: Type.Optional(Type.Object({ share, everySeconds, atOnce: Type.Boolean() }, strict)),
        /** A customer who opens a conversation, and says something each so many seconds on average. */
        customer: Type.Optional(Type.Object({ share, everySeconds }, strict)),
        /** Takes conversations, and answers each message. */
        agent: Type.Optional(Type.Object({ share }, strict)),
        /** Reads slowly. */
        slow: Type.Optional(Type.Object({ share, bytesPerSecond: Type.Integer({ minimum: 1 }) }, strict)),
      },
      { ...strict, minProperties: 1 },
    ),
    /** Bytes of a text. The hub's limit is in characters. */
    textBytes: Type.Integer({ minimum: 40, maximum: 16_384 }),
  },
  strict,
);

/** What the people of a load do. */
export type Scenario = Static<typeof SCENARIO>;

/** What a person does. */
export type Behaviour = keyof Scenario['people'];

const CHAT = {
  connections: 1000,
  rampPerSecond: 200,
  seconds: 60,
  rooms: { count: 50, keeps: 'stream', spread: 'zipf' },
  people: { lurk: { share: 0.8 }, chat: { share: 0.2, everySeconds: 10 } },
  textBytes: 64,
} as const;

/** Scenarios by name. */
export const PRESETS: Readonly<Record<string, Scenario>> = {
  chat: { about: 'A few full rooms and many small ones; one of five people writes.', ...CHAT },
  idle: {
    about: 'Connections that do nothing.',
    ...CHAT,
    people: { idle: { share: 1 } },
  },
  'huge-room': {
    about: 'One room with everybody in it; one of a hundred writes.',
    ...CHAT,
    rooms: { count: 1, keeps: 'stream', spread: 'uniform' },
    people: { lurk: { share: 0.99 }, chat: { share: 0.01, everySeconds: 5 } },
  },
  pairs: {
    about: 'Two in each room, both write.',
    ...CHAT,
    rooms: { count: 500, keeps: 'stream', spread: 'uniform' },
    people: { chat: { share: 1, everySeconds: 8 } },
  },
  storm: {
    about: 'Everybody but the writers loses the connection each 15 seconds, and comes back at once.',
    ...CHAT,
    people: { reconnect: { share: 0.9, everySeconds: 15, atOnce: true }, chat: { share: 0.1, everySeconds: 5 } },
  },
  churn: {
    about: 'A third of the people goes in and out of rooms.',
    ...CHAT,
    people: { lurk: { share: 0.5 }, churn: { share: 0.35, everySeconds: 3 }, chat: { share: 0.15, everySeconds: 8 } },
  },
  customers: {
    about: 'Customers open conversations; one agent for nine of them answers each message.',
    ...CHAT,
    rampPerSecond: 50,
    people: { customer: { share: 0.9, everySeconds: 15 }, agent: { share: 0.1 } },
  },
  slow: {
    about: 'One of fifty reads 2 KB a second from a busy room.',
    ...CHAT,
    rooms: { count: 4, keeps: 'stream', spread: 'uniform' },
    people: { lurk: { share: 0.78 }, slow: { share: 0.02, bytesPerSecond: 2000 }, chat: { share: 0.2, everySeconds: 4 } },
  },
};

/** A load that cannot run. The text says what to do. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/**
 * Returns a preset, or the scenario of a JSON file if the name ends in `.json`.
 * @throws UsageError for an unknown name, a file that cannot be read, and each wrong value.
 */
export function loadScenario(name: string): Scenario {
  if (!name.endsWith('.json')) {
    const preset = Object.hasOwn(PRESETS, name) ? PRESETS[name] : undefined;
    if (preset !== undefined) return preset;
    throw new UsageError(`There is no scenario "${name}". Take one of ${Object.keys(PRESETS).join(', ')}, or a file that ends in .json.`);
  }
  let value: unknown;
  try {
    value = JSON.parse(readFileSync(name, 'utf8'));
  } catch (error) {
    throw new UsageError(`${name} cannot be read as JSON: ${error instanceof Error ? error.message : String(error)}`);
  }
  return checkedScenario(value, name);
}

/** @throws UsageError that names what is wrong, with its path. */
export function checkedScenario(value: unknown, source: string): Scenario {
  if (Value.Check(SCENARIO, value)) {
    if ((value.people.customer === undefined) !== (value.people.agent === undefined))
      throw new UsageError(`${source}: people: customers and agents need each other.`);
    return value;
  }
  const faults = [...Value.Errors(SCENARIO, value)];
  // A missing member is told twice: that it has to be there, and that undefined is of no type.
  const [first] = faults;
  const path = first?.path.slice(1).replaceAll('/', '.') || 'the scenario';
  throw new UsageError(`${source}: ${path}: ${first?.message ?? 'not valid'}. Presets to start from are in bench/README.md.`);
}
