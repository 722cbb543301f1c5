/** Health, start, readiness and metrics on a private port of their own (H). */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** Seconds at the end of the drain that remain for closing connections. */
const RESERVE_SECONDS = 2;

/**
 * Returns the least seconds that a public port stays open in a drain (D1): `drainListenSeconds`, at
 * most `drainSeconds` less 2.
 */
export function listenSeconds(drainSeconds: number, drainListenSeconds: number): number {
  return Math.max(0, Math.min(drainListenSeconds, drainSeconds - RESERVE_SECONDS));
}
/** A port cannot be opened. The message names the setting to change. */
export class ListenError extends Error {
  override readonly name = 'ListenError';
}

/** Answers a request under `/admin` and returns true. Returns false if there is no such page. */
export type AdminPages = (request: IncomingMessage, response: ServerResponse) => boolean;

/** The source of the answers of the admin port. */
export interface AdminSource {
  /** Whether it has served once: its backends and its schema were there, and it listens. */
  started(): boolean;
  /** Whether new connections are served now. */
  ready(): boolean;
  /** Why it is not ready, for people. */
  problem?(): string | undefined;
  /** All metrics in Prometheus's text format. */
  metrics(): Promise<string>;
  /** The content type of `metrics`. */
  readonly metricsType: string;
  /** The pages under `/admin`. Undefined: there are none. */
  readonly pages?: AdminPages;
}

/** The server of the admin port. */
export class AdminServer {
  readonly port: number;
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
    this.port = (server.address() as AddressInfo).port;
  }

  /**
   * Starts the server. Port 0: a free port.
   *
   * @throws ListenError if the port cannot be opened.
   */
  static async start(port: number, host: string | undefined, source: AdminSource): Promise<AdminServer> {
    const server = createServer((request, response) => {
      const path = new URL(request.url ?? '/', 'http://admin').pathname;
      if ((path === '/admin' || path.startsWith('/admin/')) && source.pages?.(request, response)) return;
      void route(request.method ?? '', path, response, source);
    });
    await new Promise<void>((resolve, reject) => {
      server.once('error', (cause) =>
        reject(new ListenError(`port ${port} is taken or not allowed: set ADMIN_PORT to another one`, { cause })),
      );
      server.listen(port, host, resolve);
    });
    return new AdminServer(server);
  }

  close(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }
}

async function route(method: string, path: string, response: ServerResponse, source: AdminSource): Promise<void> {
  if (method !== 'GET' && method !== 'HEAD') {
    response.writeHead(405, { allow: 'GET, HEAD' }).end();
    return;
  }
  switch (path) {
    case '/healthz':
      text(response, 200, 'ok\n');
      return;
    case '/startupz':
      if (source.started()) text(response, 200, 'started\n');
      else text(response, 503, problemText('not started', source.problem?.()));
      return;
    case '/readyz':
      if (source.ready()) text(response, 200, 'ready\n');
      else text(response, 503, problemText('not ready', source.problem?.()));
      return;
    case '/metrics':
      try {
        text(response, 200, await source.metrics(), source.metricsType);
      } catch {
        text(response, 503, 'a process did not answer\n');
      }
      return;
    default:
      text(
        response,
        404,
        `this port serves /healthz, /startupz, /readyz${source.pages === undefined ? ' and /metrics' : ', /metrics and /admin/'}\n`,
      );
  }
}

function problemText(state: string, problem: string | undefined): string {
  return problem === undefined ? `${state}\n` : `${state}: ${problem}\n`;
}

function text(response: ServerResponse, status: number, body: string, type = 'text/plain; charset=utf-8'): void {
  response.writeHead(status, { 'content-type': type, 'cache-control': 'no-store' }).end(body);
}
