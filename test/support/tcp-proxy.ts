import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

interface Pair {
  readonly near: Socket;
  readonly far: Socket;
  /** Whether a `subscribe` was seen on it. */
  subscribes: boolean;
}

/** Options of `TcpProxy`. */
export interface TcpProxyOptions {
  /** The port of 127.0.0.1 behind the proxy. */
  readonly target: number;
}

/**
 * A TCP proxy on a port of its own, with the troubles of a network.
 *
 * `cut` is a partition: connections stay and carry nothing; new ones are accepted and get no
 * answer. Bytes written meanwhile arrive after `heal`, as TCP would send them again. `sever` resets
 * the present connections; new ones work. `refuse` resets present and new ones.
 */
export class TcpProxy {
  readonly port: number;
  readonly #server: Server;
  readonly #pairs = new Set<Pair>();
  #target: number;
  #mode: 'pass' | 'cut' | 'refuse' = 'pass';
  #latencyMs = 0;
  #lagMs = 0;

  private constructor(server: Server, target: number) {
    this.#server = server;
    this.port = (server.address() as AddressInfo).port;
    this.#target = target;
    server.on('connection', (near) => this.#accept(near, this.#target));
  }

  static start(options: TcpProxyOptions): Promise<TcpProxy> {
    const server = createServer({ pauseOnConnect: true, noDelay: true });
    return new Promise((resolve, reject) => {
      server.once('error', reject);
      server.listen(0, '127.0.0.1', () => resolve(new TcpProxy(server, options.target)));
    });
  }

  /** The number of open connections. */
  get connections(): number {
    return this.#pairs.size;
  }

  /**
   * Sends new connections to another port of 127.0.0.1. Present ones stay: an address that moved.
   */
  retarget(port: number): void {
    this.#target = port;
  }

  cut(): void {
    this.#mode = 'cut';
    for (const { near, far } of this.#pairs) {
      near.pause();
      far.pause();
    }
  }

  sever(): void {
    for (const { near, far } of this.#pairs) {
      near.resetAndDestroy();
      far.resetAndDestroy();
    }
  }

  refuse(): void {
    this.#mode = 'refuse';
    this.sever();
  }

  heal(): void {
    this.#mode = 'pass';
    for (const { near, far } of this.#pairs) {
      near.resume();
      far.resume();
    }
  }

  /** Cuts the present connections for ever; new ones work: a middlebox that lost its table. */
  forget(): void {
    this.cut();
    this.#mode = 'pass';
  }

  /** Delays all later bytes by this much, in both directions, and the ends of connections. */
  delay(ms: number): void {
    this.#latencyMs = ms;
  }

  /** Delays later bytes to subscribers by this much. Commands and their answers are not delayed. */
  lag(ms: number): void {
    this.#lagMs = ms;
  }

  async stop(): Promise<void> {
    this.sever();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #accept(near: Socket, target: number): void {
    if (this.#mode === 'refuse') {
      near.on('error', () => {});
      near.resetAndDestroy();
      return;
    }
    const far = connect({ port: target, host: '127.0.0.1', noDelay: true });
    const pair = { near, far, subscribes: false };
    this.#pairs.add(pair);
    this.#join(pair, near, far);
    this.#join(pair, far, near);
    if (this.#mode === 'cut') far.pause();
    else near.resume();
  }

  #join(pair: Pair, from: Socket, to: Socket): void {
    const later = (pass: () => void): void => {
      const lag = this.#latencyMs + (pair.subscribes && from === pair.far ? this.#lagMs : 0);
      if (lag > 0) setTimeout(pass, lag);
      else pass();
    };
    from.on('data', (chunk) => {
      if (from === pair.near && chunk.includes('subscribe')) pair.subscribes = true;
      later(() => {
        if (!to.destroyed) to.write(chunk);
      });
    });
    from.on('end', () => later(() => to.end()));
    from.on('error', () => later(() => to.destroy()));
    from.on('close', () => {
      this.#pairs.delete(pair);
      later(() => to.destroy());
    });
  }
}
