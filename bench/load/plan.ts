/** Whom the load talks to, and as whom. Sent to the load process once, before it connects. */
export interface Plan {
  /** The servers' ports on 127.0.0.1: members of a room are dealt out over them in turn. */
  readonly ports: readonly number[];
  /** What goes on the wire: `bare` the text itself, `parley` its JSON frames. */
  readonly dialect: 'bare' | 'parley';
  /** Rooms to sit in. Without any the connections stay outside of rooms (`/ws/chat`). */
  readonly rooms: readonly string[];
  /** Connections in each room, or in all where there are no rooms. Each is a user of its own. */
  readonly members: number;
  /** How many of each room's members publish, in turn. */
  readonly publishers: number;
  /** Latency is read at every n-th connection. */
  readonly sampleEvery: number;
  /**
   * 0: every connection is read as soon as something comes. Above: only the sampled ones are, the others once in so many milliseconds,
   * so that a load on one core stays cheaper than the servers; the kernel keeps what waits. Nothing changes for the servers.
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
  /** How long after the last message its deliveries may take, milliseconds; what comes later is lost. */
  readonly drainMs: number;
}

/** What the load process is asked to do; it answers each with one `Answer`. */
export type Order =
  | { readonly order: 'prepare'; readonly plan: Plan }
  | { readonly order: 'connect' }
  | { readonly order: 'run'; readonly traffic: Traffic }
  | { readonly order: 'disconnect' }
  | { readonly order: 'seat'; readonly seating: Seating }
  | { readonly order: 'write'; readonly writing: Writing }
  | { readonly order: 'request'; readonly requests: Requests };

/** What came of a `connect`. */
export interface Connected {
  readonly connections: number;
  readonly seconds: number;
  /** Why a handshake was tried again: refused, cut off or not ready within 20 s. More than 20: the connect failed. */
  readonly failures: readonly string[];
}

/** What came of a `run`. */
export interface Delivered {
  readonly sent: number;
  readonly expected: number;
  readonly received: number;
  /** Deliveries missing, counted for each connection by itself. */
  readonly lost: number;
  /** Connections that ended by themselves since they were opened. */
  readonly closed: number;
  readonly bytes: number;
  /** From the first message to the last delivery. */
  readonly seconds: number;
  /** Publisher's stamp to the receiver's read, milliseconds. */
  readonly p50: number;
  readonly p99: number;
  readonly samples: number;
  /** The load's own CPU, microseconds. */
  readonly cpuMicros: number;
}

/** Writers in rooms that keep history: each is in one room, which it is a member of. */
export interface Seating {
  /** The gateways' ports on 127.0.0.1: the members of each room are dealt out over them in turn. */
  readonly ports: readonly number[];
  readonly secret: string;
  readonly rooms: readonly { readonly room: string; readonly users: readonly string[] }[];
}

/** One stretch of writing in a closed loop: whoever gets an ack says the next message at once. */
export interface Writing {
  /** Messages under way at a time, dealt out over the writers. */
  readonly inFlight: number;
  /** Seconds that count for nothing, before the measured ones. */
  readonly warmSeconds: number;
  readonly seconds: number;
}

/** What came of a `write`. */
export interface Written {
  /** Acks that came within the measured seconds: messages stored, each once. */
  readonly acked: number;
  /** Messages answered with an error, and those not answered half a minute after the end. */
  readonly failed: number;
  /** The first of the errors; empty for none. */
  readonly error: string;
  readonly seconds: number;
  /** A message's way to the gateway until its ack is here, milliseconds. */
  readonly p50: number;
  readonly p99: number;
  /** The load's own CPU, microseconds. */
  readonly cpuMicros: number;
}

/** What the API can be asked for. Each request of `code` and `verify` is about another account and comes from another address. */
export type RequestKind = 'code' | 'verify' | 'history' | 'push';

/** So many requests over so many connections, each sending its next one as soon as it is answered. */
export interface Requests {
  readonly kind: RequestKind;
  readonly port: number;
  readonly amount: number;
  readonly connections: number;
  /** Number of the first account. */
  readonly first: number;
  /** What goes behind `Bearer`. */
  readonly bearer: string;
}

/** What came of a `request`. */
export interface Requested {
  readonly answered: number;
  /** Answers other than 2xx, and connections that broke. */
  readonly failed: number;
  readonly seconds: number;
  /** Milliseconds. */
  readonly p50: number;
  readonly p99: number;
}

export type Answer = Connected | Delivered | Written | Requested | { readonly done: true } | { readonly failure: string };
