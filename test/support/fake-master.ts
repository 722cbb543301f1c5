import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

/** First slot, last slot, port of their master on 127.0.0.1. */
export type SlotLine = readonly [first: number, last: number, port: number];

/**
 * A master of a Redis Cluster that answers as the test says: with a map of its own, and one answer
 * to every other command.
 */
export class FakeMaster {
  readonly port: number;
  /** The version that it reports. */
  version = '7.2.0';
  /** Its answer to CLUSTER SLOTS. */
  map: readonly SlotLine[] = [];
  /** Milliseconds before that answer. */
  slowMs = 0;
  /** The number of requests for its map, and of answers to them. */
  asked = 0;
  told = 0;
  /** The error for any other command. Undefined: `OK`. */
  refusal: string | undefined;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(server: Server) {
    this.#server = server;
    this.port = (server.address() as AddressInfo).port;
    server.on('connection', (socket) => this.#accept(socket));
  }

  static start(): Promise<FakeMaster> {
    const server = createServer({ noDelay: true });
    return new Promise((resolve, reject) => {
      server.once('error', reject);
      server.listen(0, '127.0.0.1', () => resolve(new FakeMaster(server)));
    });
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #accept(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on('close', () => this.#sockets.delete(socket));
    socket.on('error', () => undefined);
    let rest = '';
    let answering = Promise.resolve();
    socket.setEncoding('latin1').on('data', (chunk) => {
      rest += String(chunk);
      for (let command = readCommand(rest); command !== undefined; command = readCommand(rest)) {
        const { args, length } = command;
        rest = rest.slice(length);
        answering = answering.then(() => this.#answer(socket, args));
      }
    });
  }

  async #answer(socket: Socket, args: readonly string[]): Promise<void> {
    const [name = '', sub = ''] = args.map((arg) => arg.toUpperCase());
    if (name === 'INFO') {
      const text = `redis_version:${this.version}\r\nrun_id:run-${this.port}\r\nloading:0\r\n`;
      socket.write(`$${text.length}\r\n${text}\r\n`);
    } else if (name === 'CLUSTER' && sub === 'SLOTS') {
      this.asked += 1;
      const { map } = this;
      if (this.slowMs > 0) await delay(this.slowMs);
      const lines = map.map(([first, last, port]) => `*3\r\n:${first}\r\n:${last}\r\n*2\r\n$9\r\n127.0.0.1\r\n:${port}\r\n`);
      socket.write(`*${lines.length}\r\n${lines.join('')}`);
      this.told += 1;
    } else {
      socket.write(this.refusal === undefined ? '+OK\r\n' : `-${this.refusal}\r\n`);
    }
  }
}

/** Returns the first command of a text, and its length; undefined if it is incomplete. */
function readCommand(text: string): { readonly args: readonly string[]; readonly length: number } | undefined {
  const head = /^\*(\d+)\r\n/.exec(text);
  if (head === null) return undefined;
  let at = head[0].length;
  const args: string[] = [];
  for (let i = 0; i < Number(head[1]); i += 1) {
    const size = /^\$(\d+)\r\n/.exec(text.slice(at));
    if (size === null) return undefined;
    at += size[0].length;
    const end = at + Number(size[1]);
    if (text.length < end + 2) return undefined;
    args.push(text.slice(at, end));
    at = end + 2;
  }
  return { args, length: at };
}
