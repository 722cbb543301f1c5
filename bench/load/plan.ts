import type { DialectName } from './dialect.ts';

/** The servers, users and rooms of a load. Sent to the load process once, before it connects. */
export interface Plan {
  /** The servers' ports on 127.0.0.1. Members of a room are spread over them in turn. */
  readonly ports: readonly number[];
  /** What the servers speak. */
  readonly dialect: DialectName;
  /** Rooms to enter. Without any the connections stay outside of rooms (`/ws/chat`). */
  readonly rooms: readonly string[];
  /** Connections that each room has for its own, or in all if there are no rooms. Each is a user. */
  readonly members: number;
  /**
   * Rooms that each connection is in: 1, or 2, its own and another one. Then twice as many are in
   * each room as `members`.
   */
  readonly roomsEach: 1 | 2;
  /** How many of each room's members publish, in turn. */
  readonly publishers: number;
  /** Latency is read at every n-th connection. */
  readonly sampleEvery: number;
  /**
   * 0: every connection is read at once. Above 0: only the sampled ones are, and the others once in
   * this many milliseconds, so that the load on one core stays cheaper than the servers. The kernel
   * keeps the waiting bytes. Nothing changes for the servers.
   */
  readonly readEveryMs: number;
  /** Handshakes under way at a time. */
  readonly concurrency: number;
  /** Signs the tokens (HS256); null sends none. */
  readonly secret: string | null;
  /** Sets these users apart from those of other plans. */
  readonly userPrefix: string;
}

/** One stretch of traffic. */
export interface Traffic {
  /** Messages a second in total, evenly spaced, rooms and publishers taking turns. */
  readonly rate: number;
  readonly seconds: number;
  /** Milliseconds for the deliveries after the last message. Later ones count as lost. */
  readonly drainMs: number;
}

/** Entering and leaving rooms, by connections that are open already. */
export interface Churning {
  readonly rooms: readonly string[];
  /** Joins a second, each followed by a leave. */
  readonly rate: number;
  readonly seconds: number;
}

/** The result of `churn`. */
export interface Churned {
  /** Joins that were followed by a leave. */
  readonly done: number;
  readonly unfinished: number;
  /** From when a join was due to its answer, milliseconds. */
  readonly p50: number;
  readonly p99: number;
  /** The load's own CPU, microseconds. */
  readonly cpuMicros: number;
}

/** Everybody in the plan's room is cut off and comes back, while somebody publishes. */
export interface Recovering {
  readonly cutMs: number;
  /** Messages a second. */
  readonly rate: number;
}

/** The result of `recover`. */
export interface Recovered {
  /** Messages published between cut and return, counted for each listener. */
  readonly missed: number;
  /** Of all until the return, those that never arrived, counted for each listener. */
  readonly lost: number;
  readonly repeated: number;
  /** Listeners who could not connect again. */
  readonly failed: number;
  /** From the return to when a listener has everything, milliseconds: the median, and the last. */
  readonly p50: number;
  readonly last: number;
}

/** Traffic while one connection more gets a flood of its own. */
export interface Flooding extends Traffic {
  /** Whether it reads nothing of it. */
  readonly sleeping: boolean;
  readonly room: string;
  /** Messages a second to it, and the bytes of their texts. */
  readonly floodRate: number;
  readonly floodBytes: number;
}

/** The result of `flood`. */
export interface Flooded extends Delivered {
  /** Whether the flooded connection was cut off by the server. */
  readonly cutOff: boolean;
}

/** Orders to the load process. It answers each with one `Answer`. */
export type Order =
  | { readonly order: 'prepare'; readonly plan: Plan }
  | { readonly order: 'connect' }
  | { readonly order: 'run'; readonly traffic: Traffic }
  | { readonly order: 'churn'; readonly churning: Churning }
  | { readonly order: 'recover'; readonly plan: Plan; readonly recovering: Recovering }
  | { readonly order: 'flood'; readonly flooding: Flooding }
  | { readonly order: 'disconnect' }
  | { readonly order: 'seat'; readonly seating: Seating }
  | { readonly order: 'write'; readonly writing: Writing }
  | { readonly order: 'request'; readonly requests: Requests };

/** The result of `connect`. */
export interface Connected {
  readonly connections: number;
  readonly seconds: number;
  /**
   * Why handshakes were tried again: refused, cut off or not ready within 20 s. More than 20 fail
   * the connect.
   */
  readonly failures: readonly string[];
}

/** A delivery that took longer is late. */
export const LATE_MS = 250;

/** The result of `run`. */
export interface Delivered {
  readonly sent: number;
  readonly expected: number;
  readonly received: number;
  /** Missing deliveries, counted for each connection. */
  readonly lost: number;
  /** Connections that ended by themselves. */
  readonly closed: number;
  readonly bytes: number;
  /** From the first message to the last delivery. */
  readonly seconds: number;
  /** From the publisher's stamp to the receiver's read, milliseconds. */
  readonly p50: number;
  readonly p99: number;
  readonly samples: number;
  /** Acks and errors: each message has one. A few signals count, too. */
  readonly answered: number;
  /** Seconds from the begin to the last delivery that took longer than `LATE_MS`; 0 for none. */
  readonly lateUntil: number;
  /** The load's own CPU, microseconds. */
  readonly cpuMicros: number;
}

/** Writers in rooms that keep history. Each is a member of one room and writes there. */
export interface Seating {
  /** The gateways' ports on 127.0.0.1. The members of each room are spread over them in turn. */
  readonly ports: readonly number[];
  readonly secret: string;
  readonly rooms: readonly { readonly room: string; readonly users: readonly string[] }[];
}

/** One stretch of writing. */
export interface Writing {
  /** In a closed loop: messages under way at a time, over all writers. Each ack is followed by the next message. */
  readonly inFlight: number;
  /** In an open loop instead: messages a second, evenly spaced, whatever is answered. */
  readonly rate?: number;
  /** Seconds before the measured ones, which are not counted. */
  readonly warmSeconds: number;
  readonly seconds: number;
}

/** The result of `write`. */
export interface Written {
  /** Acks within the measured seconds: messages stored, each once. */
  readonly acked: number;
  /** Messages answered with an error, and those not answered half a minute after the end. */
  readonly failed: number;
  /** The first of the errors; empty for none. */
  readonly error: string;
  readonly seconds: number;
  /** From sending a message to its ack, milliseconds. In an open loop from when it was due. */
  readonly p50: number;
  readonly p99: number;
  /** Seconds from the begin of the measured ones to the last ack that took longer than `LATE_MS`; 0 for none. */
  readonly lateUntil: number;
  /** Connections that ended by themselves. */
  readonly closed: number;
  /** The load's own CPU, microseconds. */
  readonly cpuMicros: number;
}

/**
 * The requests to the API. Each `code` and `verify` is about another account and comes from another
 * address.
 */
export type RequestKind = 'code' | 'verify' | 'history' | 'push';

/**
 * `amount` requests over `connections` connections. Each connection sends its next one after an
 * answer.
 */
export interface Requests {
  readonly kind: RequestKind;
  readonly port: number;
  readonly amount: number;
  readonly connections: number;
  /** Number of the first account. */
  readonly first: number;
  /** The token after `Bearer`. */
  readonly bearer: string;
}

/** The result of `request`. */
export interface Requested {
  readonly answered: number;
  /** Answers other than 2xx, and connections that broke. */
  readonly failed: number;
  readonly seconds: number;
  /** Milliseconds. */
  readonly p50: number;
  readonly p99: number;
}

export type Answer =
  | Connected
  | Delivered
  | Churned
  | Recovered
  | Flooded
  | Written
  | Requested
  | { readonly done: true }
  | { readonly failure: string };
