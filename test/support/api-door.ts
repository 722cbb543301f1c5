/** The two ways to reach the API: its own server, and the public port of an all-in-one. */
import { randomUUID } from 'node:crypto';
import { Agent, type IncomingHttpHeaders, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import type { FastifyInstance } from 'fastify';
import { bridgeTo } from '#services/api/api-bridge.ts';
import { HttpAdapter } from '#services/gateway/http-adapter.ts';
import { App, EXCLUSIVE_PORT, us_socket_local_port } from '#services/gateway/uws.ts';

/** The kinds of doors: `own` is the API's own server, `uws` the public port of an all-in-one. */
export const DOORS = ['own', 'uws'] as const;
/** A kind of door. */
export type DoorKind = (typeof DOORS)[number];

/** The door of this run: `API_DOOR`, which the project `doors` sets. */
const DOOR: DoorKind = process.env.API_DOOR === 'uws' ? 'uws' : 'own';

/** A request to the API. */
export interface DoorRequest {
  readonly method: string;
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** An answer of the API. */
export interface DoorAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

/** An API that listens on a port of this machine. */
export class ApiDoor {
  readonly port: number;
  readonly #agent = new Agent({ keepAlive: true });
  readonly #shut: () => void;

  private constructor(port: number, shut: () => void) {
    this.port = port;
    this.#shut = shut;
  }

  static async open(app: FastifyInstance, kind: DoorKind = DOOR): Promise<ApiDoor> {
    if (kind === 'own') {
      await app.listen({ port: 0, host: '127.0.0.1' });
      return new ApiDoor((app.server.address() as AddressInfo).port, () => undefined);
    }
    await app.ready();
    const adapter = new HttpAdapter(bridgeTo(app, randomUUID), () => false, undefined);
    const uws = App();
    uws.any('/*', (res, req) => adapter.handle(res, req));
    const port = await new Promise<number>((resolve, reject) => {
      uws.listen('127.0.0.1', 0, EXCLUSIVE_PORT, (socket) => {
        if (socket === false) reject(new Error('uWebSockets.js has no port'));
        else resolve(us_socket_local_port(socket));
      });
    });
    return new ApiDoor(port, () => uws.close());
  }

  send({ method, url, headers = {}, body }: DoorRequest): Promise<DoorAnswer> {
    return new Promise((resolve, reject) => {
      const length = body === undefined ? {} : { 'content-length': Buffer.byteLength(body) };
      const out = request({
        port: this.port,
        host: '127.0.0.1',
        agent: this.#agent,
        method,
        path: url,
        headers: { ...headers, ...length },
      });
      out.once('error', reject).once('response', (answer) => {
        buffer(answer).then((content) => resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body: content }), reject);
      });
      out.end(body);
    });
  }

  /** Closes the port. The owner closes the API itself, afterwards. */
  close(): void {
    this.#agent.destroy();
    this.#shut();
  }
}
