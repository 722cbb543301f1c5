/** `/admin/api` as the page sees it (A13). */

export interface Hub {
  readonly version: string;
  /** Null: cannot be known now. */
  readonly online: number | null;
  readonly redis: 'up' | 'down' | 'none';
  readonly database: 'up' | 'down';
  readonly board: boolean;
  readonly dashboardUrl: string | null;
  /** Sentences about settings of the program that answers. */
  readonly warnings?: readonly string[];
}

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
  /** Seconds since it told last. */
  readonly silent: number;
}

export interface RoomSize {
  readonly room: string;
  readonly count: number;
}

export interface Queue {
  readonly waiting: number;
  readonly active: number;
  readonly delayed: number;
  readonly failed: number;
  /** Seconds. */
  readonly oldestAge: number;
}

export interface Person {
  readonly id: string;
  readonly name: string;
  readonly kind: string;
  readonly sessions: number;
}

export interface PersonDetails extends Person {
  /** Unix milliseconds; null: never. */
  readonly lastSeen: number | null;
  readonly bannedUntil: number | null;
  readonly rooms: readonly { readonly room: string; readonly kind: string; readonly name: string }[];
}

export interface Online {
  readonly count: number;
  readonly users: readonly Person[];
}

export type NoticeTarget = { readonly all: true } | { readonly room: string } | { readonly user: string };

/** Why something could not be had or done: a code of the hub, or `NO_ANSWER`. */
export class AdminError extends Error {
  override readonly name = 'AdminError';
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}

/** The newest people online that are shown at once. */
export const ONLINE_SHOWN = 50;
const ROOMS_SHOWN = 20;
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

/** Every call rejects with `AdminError`. */
export const adminApi = {
  hub: () => call<Hub>('GET', '/hub'),
  nodes: async () => (await call<{ nodes: readonly HubNode[] }>('GET', '/nodes')).nodes,
  rooms: async () => (await call<{ rooms: readonly RoomSize[] }>('GET', `/rooms?top=${ROOMS_SHOWN}`)).rooms,
  queues: async () => (await call<{ queues: Readonly<Record<string, Queue>> }>('GET', '/queues')).queues,
  online: () => call<Online>('GET', `/online?limit=${ONLINE_SHOWN}`),
  find: async (text: string) => (await call<{ users: readonly Person[] }>('GET', `/users?find=${encodeURIComponent(text)}`)).users,
  person: (id: string) => call<PersonDetails>('GET', `/users/${encodeURIComponent(id)}`),
  inform: (to: NoticeTarget, text: string) => call<unknown>('POST', '/push', { to, type: 'inform', body: text }),
  disconnect: (user: string, reason: string) => call<unknown>('POST', '/disconnect', { user, ...(reason === '' ? {} : { reason }) }),
  revoke: (user: string) => call<unknown>('POST', '/revoke', { user }),
  ban: (user: string, seconds: number) => call<unknown>('POST', '/ban', { user, seconds }),
  unban: (user: string) => call<unknown>('DELETE', `/ban/${encodeURIComponent(user)}`),
} as const;
