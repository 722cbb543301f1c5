import { HubError } from '#libs/protocol/errors.ts';
import type { PresenceScripts } from './presence-scripts.ts';

export interface LeaseOptions {
  /** A node that does not renew for so long is taken for dead, milliseconds of Redis time. */
  readonly leaseMs: number;
  /** Milliseconds between renewals. */
  readonly renewMs: number;
  /** Milliseconds without a renewal by anyone after which Redis is taken to have been away, rather than the nodes. */
  readonly graceMs: number;
  /** The lease is not there any more: a reaper removed the node (`reaped`), or Redis lost it (`lost`). */
  readonly gone: (how: 'reaped' | 'lost') => void;
  /** A renewal was answered: everything is as it should be. */
  readonly held: () => void;
  /** Another node's lease ran out. May be told again until someone has reaped it. */
  readonly expired: (node: string) => void;
}

/** This node's lease, and the watch over those of the others. */
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
   * Takes a lease for a new id and renews that from here on. Rejects with `UNAVAILABLE`.
   * @param remember Redis may have lost leases: the nodes known from before get one too, so that those who died meanwhile are found.
   */
  async take(node: string, remember: boolean): Promise<void> {
    const { leaseMs, graceMs } = this.#options;
    const renewal = await this.#scripts.take(node, leaseMs, graceMs, remember ? this.#nodes : []);
    if (renewal.state !== 'held') throw new HubError('UNAVAILABLE', `No lease to be had for ${node}.`);
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
      // Away: others extend or reap; the answer of the next renewal tells.
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
