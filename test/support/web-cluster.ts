import { addAgents } from './agents.ts';
import { ApiProcess } from './api-process.ts';
import { PATIENCE_MS } from './browser.ts';
import { FrontDoor } from './front-door.ts';
import type { RedisServer } from './redis-server.ts';
import { SmtpServer } from './smtp-server.ts';
import { TestHub } from './test-hub.ts';
import { until } from './wait.ts';
import { WorkerProcess } from './worker-process.ts';

/**
 * A hub as in production, for browsers: two gateways, an API, a worker, a mail server, Redis and
 * PostgreSQL behind one address that sends WebSockets to the two gateways in turn.
 */
export class WebCluster {
  readonly hub: TestHub<RedisServer>;
  readonly mail: SmtpServer;
  readonly #api: ApiProcess;
  readonly #worker: WorkerProcess;
  readonly #door: FrontDoor;

  private constructor(hub: TestHub<RedisServer>, mail: SmtpServer, api: ApiProcess, worker: WorkerProcess, door: FrontDoor) {
    this.hub = hub;
    this.mail = mail;
    this.#api = api;
    this.#worker = worker;
    this.#door = door;
  }

  /** Starts it. `env`: settings of every process. */
  static async start(env: Readonly<Record<string, string>> = {}): Promise<WebCluster> {
    const [hub, mail] = await Promise.all([TestHub.single({ gateways: 2, env }), SmtpServer.start()]);
    const settings = { ...hub.settings, SMTP_URL: mail.url };
    const [api, worker] = await Promise.all([ApiProcess.start(settings), WorkerProcess.start(settings)]);
    let turn = 0;
    const door = await FrontDoor.start({ api: api.port, gateway: () => hub.gateway(turn++ % 2).port });
    return new WebCluster(hub, mail, api, worker, door);
  }

  get url(): string {
    return this.#door.url;
  }

  addAgents(...names: readonly string[]): Promise<void> {
    return addAgents(this.hub.database.url, ...names);
  }

  /**
   * Waits until the gateways have this many connections each. With all on one gateway a test would
   * prove nothing.
   */
  async spread(first: number, second: number): Promise<void> {
    let seen: number[] = [];
    await until(
      async () => {
        seen = await Promise.all(this.hub.gateways.map((gateway) => gateway.metric('parley_connections')));
        return seen.join() === `${first},${second}` || seen.join() === `${second},${first}`;
      },
      { timeoutMs: PATIENCE_MS, describe: () => `the gateways have ${first} and ${second} connections, not ${seen.join(' and ')}` },
    );
  }

  async stop(): Promise<void> {
    await this.#door.stop();
    await Promise.all([this.#api.kill9(), this.#worker.kill9(), this.mail.stop()]);
    await this.hub.stop();
  }

  /** Prints the end of each process's log. */
  printLogs(): void {
    this.hub.printLogs();
    for (const { output } of [this.#api, this.#worker]) console.error(output.slice(-3000));
  }
}
