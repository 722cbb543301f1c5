/** What each gateway tells about itself for the person on call (A13). A convenience: nothing is decided by it. */
import type { Background } from '#libs/telemetry/background.ts';

/** How fetching the key set of `JWT_JWKS_URL` goes at a program. Nothing was fetched, and nothing failed, while no token asked for a key. */
export interface KeySetState {
  /** With the port where it is not the usual one. */
  readonly host: string;
  /** When it was fetched last, Unix milliseconds; null: never. */
  readonly fetchedAt: number | null;
  /** Why the last fetch failed; null: it did not. */
  readonly problem: string | null;
}

/** What a gateway knows of itself at a moment. */
export interface NodeReading {
  readonly connections: number;
  /** Messages of its connections that were accepted, since its start. */
  readonly messages: number;
  /** Seconds; 0 without Redis. */
  readonly redisLag: number;
  readonly state: 'serving' | 'draining';
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
  /** Messages a second since it told last. */
  readonly messagesPerSecond: number;
}

/** A node as others see it. */
export interface NodeSighting extends NodeFacts {
  /** Milliseconds since it told last. Above `NODE_LOST_MS` it is dead, frozen or cut off: who leaves in order is not listed any more. */
  readonly silent: number;
}

/** Every method but `list` never rejects. */
export interface NodeDirectory {
  /** Replaces what is known of the node. It is forgotten `NODE_FACTS_MS` later. */
  put(facts: NodeFacts): Promise<void>;
  /** For a node that leaves in order. */
  remove(id: string): Promise<void>;
  /** By id; those that fell silent too. Rejects with `HubError` `UNAVAILABLE` while the backend is away. */
  list(): Promise<NodeSighting[]>;
}

export const NODE_ROOMS_MAX = 50;
/** Milliseconds of silence after which a node counts as lost: its sessions are gone by then (P3). */
export const NODE_LOST_MS = 10_000;
/** Milliseconds until a node that tells nothing is forgotten: whoever is woken by its end still sees which one it was. */
export const NODE_FACTS_MS = 600_000;
/** Milliseconds between two tellings. */
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

/** Tells a node's facts every two seconds, from its making until `close`. */
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

  /** Tells now: what changed is too short-lived to wait, such as a drain. */
  report(): void {
    if (this.#closed) return;
    const { directory, id, version, read, clock, background } = this.#options;
    const { messages, rooms, ...reading } = read();
    const now = clock.steady();
    const seconds = (now - this.#last.at) / 1000;
    const messagesPerSecond = seconds <= 0 ? 0 : Math.round(((messages - this.#last.messages) / seconds) * 10) / 10;
    this.#last = { at: now, messages };
    const facts = { id, version, startedAt: this.#startedAt, ...reading, messagesPerSecond, rooms: rooms.slice(0, NODE_ROOMS_MAX) };
    // One after the other: an older telling must not come in after `remove`.
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
