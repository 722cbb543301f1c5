/** Client of `/admin/api` (A13). */
import type { Person } from '#libs/protocol/frame-types.ts';
import { type ListPart, pathAfter } from '../list/paged-list.ts';
import type { JobState } from './place.ts';

/** The state of the hub. */
export interface Hub {
  readonly version: string;
  /** Null: unknown at the moment. */
  readonly online: number | null;
  readonly redis: 'up' | 'down' | 'none';
  readonly database: 'up' | 'down';
  readonly board: boolean;
  readonly dashboardUrl: string | null;
  /** Settings of the answering program that should change, one sentence each. */
  readonly warnings?: readonly string[];
  /** The same, in the same order, for other languages. Undefined: an earlier release. */
  readonly warningCodes?: readonly WarningCode[];
  /** Of the answering program. Null or undefined: it accepts no tokens of another issuer. */
  readonly keySet?: KeySetState | null;
}

/** A warning by its code. A code of a later release has no text here. */
export interface WarningCode {
  readonly code: string;
  readonly values: readonly string[];
}

/** How a program fetches the keys of another issuer. */
export interface KeySetState {
  readonly host: string;
  /** Unix milliseconds. Null: never. */
  readonly fetchedAt: number | null;
  /** Why the last fetch failed. Null if it did not. */
  readonly problem: string | null;
}

/** A gateway, as it last reported itself. */
export interface HubNode {
  readonly id: string;
  readonly version: string;
  /** Seconds. */
  readonly uptime: number;
  readonly connections: number;
  readonly messagesPerSecond: number;
  /** Seconds. */
  readonly redisLag: number;
  readonly state: 'serving' | 'draining' | 'lost';
  readonly keySet?: KeySetState;
  /** Seconds since its last report. */
  readonly silent: number;
  /** Unix milliseconds. Undefined, as all that follow: an earlier release. */
  readonly startedAt?: number;
  /** 99th percentiles in seconds. Null: there was nothing to measure. */
  readonly ackP99?: number | null;
  readonly deliveryP99?: number | null;
  /** Distinct users, and rooms, with a connection there. */
  readonly userCount?: number;
  readonly roomCount?: number;
  /** Seconds. */
  readonly loopLag?: number;
  readonly limits?: NodeLimits;
}

/** The limits of a gateway. 0: no limit. */
export interface NodeLimits {
  readonly connections: number;
  readonly connectionsPerUser: number;
  readonly connectionsPerAddress: number;
  readonly roomsPerConnection: number;
  readonly framesPerSecond: number;
  readonly messageChars: number;
  readonly drainSeconds: number;
}

/** A room and the number of people in it. */
export interface RoomSize {
  readonly room: string;
  /** The title. Empty if the room has none. */
  readonly name: string;
  readonly count: number;
}

/** One room with its people. Times are Unix milliseconds. */
export interface RoomDetails extends RoomSize {
  readonly kind: string;
  readonly retention: 'none' | 'stream' | 'history';
  readonly createdAt: number | null;
  readonly expiresAt: number | null;
  readonly closedAt: number | null;
  /** Null: the room has no members. */
  readonly members: number | null;
  /** At most 100 of `count`. */
  readonly people: readonly PersonThere[];
  /** The newest kept message. */
  readonly last: { readonly offset: number; readonly at: number } | null;
}

/** A person in a room, with the gateways of their connections. */
export interface PersonThere extends PersonRow {
  readonly nodes: readonly string[];
}

/** A job of a queue. Times are Unix milliseconds. */
export interface QueueJob {
  readonly id: string;
  readonly name: string;
  readonly state: JobState;
  readonly attempts: number;
  readonly attemptsMax: number;
  readonly madeAt: number;
  /** When it may run next. Null unless it waits. */
  readonly dueAt: number | null;
  /** Why the last attempt failed. Null if none did. */
  readonly error: string | null;
}

/** A customer whose conversation has no agent yet. */
export interface WaitingCustomer {
  readonly room: string;
  readonly id: string;
  readonly name: string;
  readonly channel: string;
  readonly online: boolean;
  /** Unix milliseconds. */
  readonly since: number;
}

/** An agent. */
export interface Agent {
  readonly id: string;
  readonly name: string;
  /** 0: offline. */
  readonly sessions: number;
  /** Open conversations. */
  readonly conversations: number;
}

/** The number of jobs of a queue, by state. */
export interface Queue {
  readonly waiting: number;
  readonly active: number;
  readonly delayed: number;
  readonly failed: number;
  /** Seconds. */
  readonly oldestAge: number;
}

/** A person, as a list shows them. */
export interface PersonRow extends Required<Person> {
  readonly sessions: number;
}

/** A person with ban and first page of rooms. */
export interface PersonDetails extends PersonRow {
  /** Unix milliseconds. Null: never. */
  readonly lastSeen: number | null;
  readonly bannedUntil: number | null;
  readonly banReason: string | null;
  readonly rooms: readonly PersonRoom[];
  /** Cursor of the next page of rooms. Undefined if there is none. */
  readonly next?: string;
}

/** A room, as one of a person's rooms. */
interface PersonRoom {
  readonly room: string;
  readonly kind: string;
  readonly name: string;
}

/** The number of people online and a sample of them. */
export interface Online {
  readonly count: number;
  readonly users: readonly PersonRow[];
}

/** The recipients of a notice. */
export type NoticeTarget = { readonly all: true } | { readonly room: string } | { readonly user: string };

/** The charts, in their order on the page. Latencies are 99th percentiles in seconds. */
export const CHARTS = ['connections', 'messages', 'ack', 'delivery', 'redisLag'] as const;
export type Chart = (typeof CHARTS)[number];

/** The values of one gateway at each of the times. Null: there is none. */
export interface Line {
  readonly node: string;
  readonly values: readonly (number | null)[];
}

/** The numbers of the gateways over time. */
export interface Series {
  /** `own`: samples of the answering program. */
  readonly source: 'prometheus' | 'own';
  /** Why Prometheus did not answer. Null if it did, or is not used. */
  readonly problem: string | null;
  /** Unix seconds, ascending. */
  readonly times: readonly number[];
  readonly charts: Readonly<Record<Chart, readonly Line[]>>;
}

/** An admin call failed. `code` is an error code of the hub, or `NO_ANSWER`. */
export class AdminError extends Error {
  override readonly name = 'AdminError';
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}

/** People in the random sample of those online, and in one page of all of them. */
export const ONLINE_SHOWN = 50;
const ROOMS_SHOWN = 20;
/** Jobs of a queue that are shown. */
export const JOBS_SHOWN = 50;
/** Longer than the hub waits for its own backends. */
const TIMEOUT_MS = 12_000;

async function call<T>(method: 'GET' | 'POST' | 'DELETE', path: string, body?: object): Promise<T> {
  let reply: Response;
  let answer: unknown;
  try {
    reply = await fetch(new URL(`api${path}`, location.origin + location.pathname), {
      method,
      signal: AbortSignal.timeout(TIMEOUT_MS),
      ...(body === undefined ? {} : { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
    });
    answer = await reply.json();
  } catch (cause) {
    throw new AdminError('NO_ANSWER', String(cause));
  }
  if (reply.ok) return answer as T;
  const { code = 'INTERNAL', message = '' } = answer as { readonly code?: string; readonly message?: string };
  throw new AdminError(code, message);
}

async function people(path: string): Promise<ListPart<PersonRow>> {
  const { users, next } = await call<{ users: readonly PersonRow[]; next?: string }>('GET', path);
  return { items: users, next };
}

/** The calls of the admin API. Each rejects with `AdminError`. */
export const adminApi = {
  hub: () => call<Hub>('GET', '/hub'),
  nodes: async () => (await call<{ nodes: readonly HubNode[] }>('GET', '/nodes')).nodes,
  rooms: async () => (await call<{ rooms: readonly RoomSize[] }>('GET', `/rooms?top=${ROOMS_SHOWN}`)).rooms,
  room: (room: string) => call<RoomDetails>('GET', `/rooms/${encodeURIComponent(room)}`),
  jobs: async (queue: string, state: JobState) => {
    const path = `/queues/${encodeURIComponent(queue)}/jobs?state=${state}&limit=${JOBS_SHOWN}`;
    return { state, ...(await call<{ jobs: readonly QueueJob[] }>('GET', path)) };
  },
  /** The customers who wait; `extra` is the number of all of them. */
  waiting: async (after: string | undefined) => {
    const { count, customers, next } = await call<{ count: number; customers: readonly WaitingCustomer[]; next?: string }>(
      'GET',
      pathAfter('/waiting', after),
    );
    return { items: customers, next, extra: count };
  },
  /** The agents; `extra` is the number of conversations that they have together. */
  agents: async (after: string | undefined) => {
    const { conversations, agents, next } = await call<{ conversations: number; agents: readonly Agent[]; next?: string }>(
      'GET',
      pathAfter('/agents', after),
    );
    return { items: agents, next, extra: conversations };
  },
  queues: async () => (await call<{ queues: Readonly<Record<string, Queue>> }>('GET', '/queues')).queues,
  series: (hours: number) => call<Series>('GET', `/series?hours=${hours}`),
  /** A random sample of the people online. */
  online: () => call<Online>('GET', `/online?sample=${ONLINE_SHOWN}`),
  everybody: (after: string | undefined) => people(pathAfter(`/online?limit=${ONLINE_SHOWN}`, after)),
  find: (text: string, after: string | undefined) => people(pathAfter(`/users?find=${encodeURIComponent(text)}`, after)),
  roomsOf: async (id: string, after: string | undefined): Promise<ListPart<PersonRoom>> => {
    const path = pathAfter(`/users/${encodeURIComponent(id)}/rooms`, after);
    const { rooms, next } = await call<{ rooms: readonly PersonRoom[]; next?: string }>('GET', path);
    return { items: rooms, next };
  },
  person: (id: string) => call<PersonDetails>('GET', `/users/${encodeURIComponent(id)}`),
  inform: (to: NoticeTarget, text: string) => call<unknown>('POST', '/push', { to, type: 'inform', body: text }),
  disconnect: (user: string, reason: string) => call<unknown>('POST', '/disconnect', { user, ...(reason === '' ? {} : { reason }) }),
  revoke: (user: string) => call<unknown>('POST', '/revoke', { user }),
  ban: (user: string, seconds: number, reason: string) => call<unknown>('POST', '/ban', { user, seconds, reason }),
  unban: (user: string) => call<unknown>('DELETE', `/ban/${encodeURIComponent(user)}`),
} as const;
