/** Health, readiness and metrics, on a port of their own that stays private (H). */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** What of the drain time is left for closing what is open, seconds. */
const RESERVE_SECONDS = 2;

/** Seconds for which a public port stays open once its process was asked to leave (D1): those that are set, within a drain of so many seconds. */
export function listenSeconds(drainSeconds: number, drainListenSeconds: number): number {
  return Math.max(0, Math.min(drainListenSeconds, drainSeconds - RESERVE_SECONDS));
}
/** A port is taken, or not ours to take. The message says which setting to change. */
export class ListenError extends Error {
  override readonly name = 'ListenError';
}

/** Answers a request of the admin port, or says that nothing is there: false. */
export type AdminPages = (request: IncomingMessage, response: ServerResponse) => boolean;

export interface AdminSource {
  /** Whether new connections would be served. */
  ready(): boolean;
  /** Why not, for people. */
  problem?(): string | undefined;
  /** Everything in Prometheus's text form. */
  metrics(): Promise<string>;
  readonly metricsType: string;
  /** Everything under `/admin`; nothing is there where undefined. */
  readonly pages?: AdminPages;
}

export class AdminServer {
  readonly port: number;
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
    this.port = (server.address() as AddressInfo).port;
  }

  /** @throws ListenError where the port cannot be had. */
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
    case '/readyz':
      if (source.ready()) text(response, 200, 'ready\n');
      else text(response, 503, notReady(source.problem?.()));
      return;
    case '/metrics':
      try {
        text(response, 200, await source.metrics(), source.metricsType);
      } catch {
        text(response, 503, 'a process did not answer\n');
      }
      return;
    default:
      text(response, 404, `here are /healthz, /readyz${source.pages === undefined ? ' and /metrics' : ', /metrics and /admin/'}\n`);
  }
}

function notReady(problem: string | undefined): string {
  return problem === undefined ? 'not ready\n' : `not ready: ${problem}\n`;
}

function text(response: ServerResponse, status: number, body: string, type = 'text/plain; charset=utf-8'): void {
  response.writeHead(status, { 'content-type': type, 'cache-control': 'no-store' }).end(body);
}
