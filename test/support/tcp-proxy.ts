import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

interface Pair {
  readonly near: Socket;
  readonly far: Socket;
  /** A `subscribe` was seen on it. */
  subscribes: boolean;
}

export interface TcpProxyOptions {
  /** The port of 127.0.0.1 that is proxied. */
  readonly target: number;
}

/**
 * A TCP proxy on a port of its own, with the troubles of a network.
 *
 * `cut` is a partition: connections stay, nothing passes, new ones are accepted and get no answer; what was written meanwhile passes
 * after `heal`, as TCP would resend it. `sever` resets the connections there are; new ones pass. `refuse` resets these and all new ones.
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

  /** Connections that stand now. */
  get connections(): number {
    return this.#pairs.size;
  }

  /** New connections go to another port of 127.0.0.1; those there are stay where they are: an address that moved. */
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

  /** Leaves the connections there are cut for ever; new ones pass: a middlebox that lost its table. */
  forget(): void {
    this.cut();
    this.#mode = 'pass';
  }

  /** Each piece that comes from now on is passed this much later, in either direction, and so is the end of a connection. */
  delay(ms: number): void {
    this.#latencyMs = ms;
  }

  /** What comes for subscribers from now on is passed this much later; commands and their answers are not held up. */
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
