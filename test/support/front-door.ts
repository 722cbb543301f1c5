import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

/** The targets of requests: a gateway for WebSockets, the API for everything else. */
export interface FrontDoorTargets {
  /** The port of the API on 127.0.0.1. */
  readonly api: number;
  /** Returns the port of the gateway for each WebSocket; undefined: there is none. */
  readonly gateway: () => number | undefined;
}

/**
 * A load balancer in front of a hub of several processes: one address for page, API and WebSockets.
 * It reads only the first line of a connection, which is enough for browsers: a WebSocket gets a
 * connection of its own.
 *
 * `hold`: WebSockets are accepted and get no answer until `open`. `shut`: present and new ones are
 * reset.
 */
export class FrontDoor {
  readonly #server: Server;
  readonly #targets: FrontDoorTargets;
  readonly #connections = new Set<Socket>();
  /** The connections of WebSockets. */
  readonly #lines = new Set<Socket>();
  #held: (() => void)[] = [];
  #mode: 'open' | 'hold' | 'shut' = 'open';
  /** The number of requested WebSockets. */
  asked = 0;

  private constructor(server: Server, targets: FrontDoorTargets) {
    this.#server = server;
    this.#targets = targets;
    server.on('connection', (near) => this.#accept(near));
  }

  static start(targets: FrontDoorTargets): Promise<FrontDoor> {
    const server = createServer({ noDelay: true });
    return new Promise((resolve, reject) => {
      server.once('error', reject);
      server.listen(0, '127.0.0.1', () => resolve(new FrontDoor(server, targets)));
    });
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  open(): void {
    this.#mode = 'open';
    for (const pass of this.#held.splice(0)) pass();
  }

  hold(): void {
    this.#mode = 'hold';
  }

  shut(): void {
    this.#mode = 'shut';
    for (const line of this.#lines) line.resetAndDestroy();
  }

  async stop(): Promise<void> {
    // A browser keeps some connections open for later requests.
    for (const connection of this.#connections) connection.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #accept(near: Socket): void {
    near.on('error', () => near.destroy());
    this.#connections.add(near);
    near.once('close', () => this.#connections.delete(near));
    near.once('data', (first) => {
      near.pause();
      if (!first.toString('latin1').startsWith('GET /ws/')) return pipe(near, first, this.#targets.api);
      this.asked += 1;
      this.#lines.add(near);
      near.once('close', () => this.#lines.delete(near));
      const pass = () => pipe(near, first, this.#targets.gateway());
      if (this.#mode === 'open') pass();
      else if (this.#mode === 'hold') this.#held.push(pass);
      else near.resetAndDestroy();
    });
  }
}

function pipe(near: Socket, first: Buffer, port: number | undefined): void {
  if (port === undefined || near.destroyed) return void near.destroy();
  const far = connect(port, '127.0.0.1');
  far.on('error', () => near.destroy());
  far.once('close', () => near.destroy());
  near.once('close', () => far.destroy());
  far.write(first);
  near.pipe(far).pipe(near);
}
