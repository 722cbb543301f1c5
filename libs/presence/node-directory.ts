/**
 * The reports of each gateway for the person on call (A13). For display only: no code decides by
 * it.
 */
import type { Background } from '#libs/telemetry/background.ts';

/**
 * The state of the key set of `JWT_JWKS_URL` in one program. Both values are null until a token
 * needs a key.
 */
export interface KeySetState {
  /** With the port if it is not the default one. */
  readonly host: string;
  /** When it was fetched last, Unix milliseconds; null: never. */
  readonly fetchedAt: number | null;
  /** Why the last fetch failed; null: it succeeded. */
  readonly problem: string | null;
}

/** The limits of a gateway that people reach first. 0: no limit. */
export interface NodeLimits {
  readonly connections: number;
  readonly connectionsPerUser: number;
  readonly connectionsPerAddress: number;
  /** Rooms that one connection may be in. */
  readonly roomsPerConnection: number;
  /** Frames of one connection a second on average. */
  readonly framesPerSecond: number;
  /** Unicode code points of one message. */
  readonly messageChars: number;
  /** Seconds that a drain may take. */
  readonly drainSeconds: number;
}

/** The state of a gateway at one moment. */
export interface NodeReading {
  readonly connections: number;
  /** Messages of its connections that were accepted, since its start. */
  readonly messages: number;
  /** Seconds; 0 without Redis. */
  readonly redisLag: number;
  readonly state: 'serving' | 'draining';
  /**
   * 99th percentiles in seconds since its last report: of the time to `ack`, and of the delivery
   * latency. Null: there was nothing to measure. Undefined: an earlier release.
   */
  readonly ackP99?: number | null;
  readonly deliveryP99?: number | null;
  /**
   * Distinct users with a connection here, rooms with a subscription here, the 99th percentile of
   * the event loop's delay in seconds since its last report, and its limits. Undefined: an earlier
   * release.
   */
  readonly userCount?: number;
  readonly roomCount?: number;
  readonly loopLag?: number;
  readonly limits?: NodeLimits;
  /** Its rooms with the most subscriptions, at most `NODE_ROOMS_MAX`. */
  readonly rooms: readonly string[];
  /** Undefined without `JWT_JWKS_URL`. */
  readonly keySet?: KeySetState | undefined;
}

export interface NodeFacts extends Omit<NodeReading, 'messages'> {
  readonly id: string;
  readonly version: string;
  /** Unix milliseconds. */
  readonly startedAt: number;
  /** Messages a second since its last report. */
  readonly messagesPerSecond: number;
}

/** A node as others see it. */
export interface NodeSighting extends NodeFacts {
  /**
   * Milliseconds since its last report. Above `NODE_LOST_MS` the node is dead, frozen or cut off. A
   * node that stops in order is not listed.
   */
  readonly silent: number;
}

/** Only `list` may reject. */
export interface NodeDirectory {
  /** Replaces the facts of the node. They expire after `NODE_FACTS_MS`. */
  put(facts: NodeFacts): Promise<void>;
  /** Removes a node that stops in order. */
  remove(id: string): Promise<void>;
  /**
   * All nodes by id, silent ones too. Rejects with `HubError` `UNAVAILABLE` while the backend is
   * away.
   */
  list(): Promise<NodeSighting[]>;
}

export const NODE_ROOMS_MAX = 50;
/**
 * Milliseconds of silence after which a node counts as lost: its sessions are gone by then (P3).
 */
export const NODE_LOST_MS = 10_000;
/**
 * Milliseconds after its last report for which a node stays listed, so that the person on call sees
 * which one died.
 */
export const NODE_FACTS_MS = 600_000;
/** Milliseconds between two reports. */
const REPORT_MS = 2000;

export interface NodeReporterOptions {
  readonly directory: NodeDirectory;
  readonly id: string;
  readonly version: string;
  readonly read: () => NodeReading;
  readonly background: Background;
  readonly clock: {
    /** Unix milliseconds. */
    now(): number;
    /** Milliseconds of a steady clock. */
    steady(): number;
    every(milliseconds: number, callback: () => void): () => void;
  };
}

/** Reports a node's facts every two seconds, from construction until `close`. */
export class NodeReporter {
  readonly #options: NodeReporterOptions;
  readonly #startedAt: number;
  readonly #stop: () => void;
  #last: { readonly at: number; readonly messages: number };
  #reporting: Promise<void> = Promise.resolve();
  #closed = false;

  constructor(options: NodeReporterOptions) {
    this.#options = options;
    this.#startedAt = options.clock.now();
    this.#last = { at: options.clock.steady(), messages: options.read().messages };
    this.report();
    this.#stop = options.clock.every(REPORT_MS, () => this.report());
  }

  /** Reports now: for a change that is too short to wait, such as a drain. */
  report(): void {
    if (this.#closed) return;
    const { directory, id, version, read, clock, background } = this.#options;
    const { messages, rooms, ...reading } = read();
    const now = clock.steady();
    const seconds = (now - this.#last.at) / 1000;
    const messagesPerSecond = seconds <= 0 ? 0 : Math.round(((messages - this.#last.messages) / seconds) * 10) / 10;
    this.#last = { at: now, messages };
    const facts = { id, version, startedAt: this.#startedAt, ...reading, messagesPerSecond, rooms: rooms.slice(0, NODE_ROOMS_MAX) };
    // One after the other: an older report must not arrive after `remove`.
    const reporting = this.#reporting.then(() => directory.put(facts));
    background.run('telling', () => reporting);
    this.#reporting = reporting.catch(() => undefined);
  }

  /** Takes the node out of the directory. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#stop();
    await this.#reporting;
    await this.#options.directory.remove(this.#options.id);
  }
}
