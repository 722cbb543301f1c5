/** Probes whether a subscriber gets publications. */
import { randomBytes } from 'node:crypto';
import type { RedisMaster } from '#libs/redis/master.ts';
import type { RedisLink } from '#libs/redis/redis-link.ts';

/** The owner of a probe. */
export interface ProbeHost {
  /** Bytes that the subscriber has read so far. */
  bytesRead(): number;
  /** The seconds until an echo came. */
  lag(seconds: number): void;
  /** The subscriber does not get publications. */
  dead(reason: string): void;
  /** Cluster: the master no longer has the slot of the probe's channel. */
  moved(): void;
}

/** Probe intervals that a subscriber may be late while it still reads. */
const PATIENCE = 5;

/**
 * Publishes to this node's own channel at intervals. If the echo is missing, the subscriber is dead
 * or is connected to another server than the command connection. The time until the echo is the
 * lag.
 */
export class Probe {
  readonly #link: RedisLink;
  readonly #master: RedisMaster;
  readonly #everyMs: number;
  readonly #host: ProbeHost;
  readonly #node = randomBytes(6).toString('base64url');
  #channel = '';
  #timer: NodeJS.Timeout | undefined;
  #count = 0;
  #sent: { readonly at: number; readonly bytes: number } | undefined;
  #lastTick = 0;

  constructor(link: RedisLink, master: RedisMaster, everyMs: number, host: ProbeHost) {
    this.#link = link;
    this.#master = master;
    this.#everyMs = everyMs;
    this.#host = host;
  }

  /** The channel to subscribe to. On a Cluster the master has its slot now. */
  channel(): string {
    for (let tag = 0; this.#channel === '' || this.#link.masterOf(this.#channel)?.id !== this.#master.id; tag++) {
      this.#channel = this.#link.keys.probeChannel(this.#node, `probe-${tag}`);
      if (tag > 10_000) break;
    }
    return this.#channel;
  }

  /** Starts the probes, with one at once. */
  start(): void {
    this.stop();
    this.#lastTick = performance.now();
    this.#timer = setInterval(() => this.#tick(), this.#everyMs);
    this.#timer.unref();
    this.#send();
  }

  /** Stops the probes. */
  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#sent = undefined;
  }

  /** Takes a message that may be the echo. */
  echoed(channel: string, payload: Buffer): void {
    if (this.#sent === undefined || channel !== this.#channel || payload.toString('latin1') !== `~${this.#count}`) return;
    this.#host.lag((performance.now() - this.#sent.at) / 1000);
    this.#sent = undefined;
  }

  #tick(): void {
    const now = performance.now();
    const late = now - this.#lastTick > 1.5 * this.#everyMs;
    this.#lastTick = now;
    const sent = this.#sent;
    if (sent === undefined) {
      if (this.#link.masterOf(this.#channel)?.id === this.#master.id) this.#send();
      else this.#host.moved();
      return;
    }
    // This process was stopped or busy. The echo may wait in the socket.
    if (late) return;
    if (this.#host.bytesRead() === sent.bytes || now - sent.at > PATIENCE * this.#everyMs) this.#host.dead('no echo of the probe');
  }

  #send(): void {
    if (!this.#master.up) return;
    const sent = { at: performance.now(), bytes: this.#host.bytesRead() };
    this.#sent = sent;
    this.#count++;
    this.#link.command(this.#channel, this.#link.isCluster ? 'SPUBLISH' : 'PUBLISH', this.#channel, `~${this.#count}`).then(
      (receivers) => {
        if (receivers === 0 && this.#sent === sent) this.#host.dead('the server does not know the subscriber');
      },
      () => {
        // The command connection failed. It watches itself.
        if (this.#sent === sent) this.#sent = undefined;
      },
    );
  }
}
