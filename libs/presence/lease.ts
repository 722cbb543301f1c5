import { HubError } from '#libs/protocol/errors.ts';
import type { PresenceScripts } from './presence-scripts.ts';

export interface LeaseOptions {
  /** Milliseconds of Redis time without a renewal after which a node counts as dead. */
  readonly leaseMs: number;
  /** Milliseconds between renewals. */
  readonly renewMs: number;
  /**
   * Milliseconds without a renewal by any node after which Redis counts as the one that was away.
   */
  readonly graceMs: number;
  /** The lease is gone: a reaper removed the node (`reaped`), or Redis lost the lease (`lost`). */
  readonly gone: (how: 'reaped' | 'lost') => void;
  /** A renewal succeeded. */
  readonly held: () => void;
  /** Another node's lease expired. Called again until a node has reaped it. */
  readonly expired: (node: string) => void;
}

/** Keeps this node's lease, and watches the leases of the others. */
export class Lease {
  readonly #scripts: PresenceScripts;
  readonly #options: LeaseOptions;
  #node = '';
  #nodes: readonly string[] = [];
  #renewedAt = 0;
  #since = '';
  #busy = false;
  #again = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(scripts: PresenceScripts, options: LeaseOptions) {
    this.#scripts = scripts;
    this.#options = options;
  }

  /** Redis time of the last good renewal, milliseconds. */
  get renewedAt(): number {
    return this.#renewedAt;
  }

  /**
   * Takes a lease for a new id, which is renewed from then on. Rejects with `UNAVAILABLE`.
   * @param remember Redis may have lost leases: gives one to all nodes known before, so that those
   *   that died are found.
   */
  async take(node: string, remember: boolean): Promise<void> {
    const { leaseMs, graceMs } = this.#options;
    const renewal = await this.#scripts.take(node, leaseMs, graceMs, remember ? this.#nodes : []);
    if (renewal.state !== 'held') throw new HubError('UNAVAILABLE', `Redis gave ${node} no lease.`);
    this.#node = node;
    this.#since = renewal.since;
    this.#renewedAt = renewal.now;
    this.#nodes = renewal.nodes;
  }

  start(): void {
    this.#timer = setInterval(() => void this.renew(), this.#options.renewMs);
    this.#timer.unref();
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#node = '';
  }

  /** Renews now. Never rejects: the next turn, or the connection coming back, tries again. */
  async renew(): Promise<void> {
    this.#again = this.#busy;
    if (this.#busy || this.#node === '') return;
    this.#busy = true;
    try {
      await this.#renew(this.#node);
    } catch {
      // Redis is away. The answer to the next renewal shows whether the lease is still held.
    } finally {
      this.#busy = false;
    }
    if (this.#again) await this.renew();
  }

  async #renew(node: string): Promise<void> {
    const { leaseMs, graceMs, gone, held, expired } = this.#options;
    const renewal = await this.#scripts.keep(node, leaseMs, graceMs, this.#since);
    if (node !== this.#node) return;
    if (renewal.state !== 'held') {
      gone(renewal.state);
      return;
    }
    held();
    this.#renewedAt = renewal.now;
    this.#nodes = renewal.nodes;
    for (const other of renewal.expired) expired(other);
  }
}
