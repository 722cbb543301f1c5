import { LOAD_CORE, PinnedProcess } from '#bench/measure/process.ts';
import type {
  Answer,
  Churned,
  Churning,
  Connected,
  Delivered,
  Flooded,
  Flooding,
  Order,
  Plan,
  Recovered,
  Recovering,
  Requested,
  Requests,
  Seating,
  Traffic,
  Writing,
  Written,
} from './plan.ts';

/** The load, in a process of its own on its own core. */
export class LoadProcess {
  /** Handshakes that were tried again, in all connects so far. */
  readonly failures: string[] = [];
  readonly #process: PinnedProcess;

  constructor(name: string) {
    this.#process = PinnedProcess.node(`load for ${name}`, LOAD_CORE, ['--max-semi-space-size=64', 'bench/load/main.ts']);
  }

  /** Builds requests, tokens and frames. */
  async prepare(plan: Plan): Promise<void> {
    await this.#obey({ order: 'prepare', plan });
  }

  /**
   * Opens the connections of the plan. @throws Error if many handshakes failed. A few are tried
   * again and counted in `failures`.
   */
  async connect(): Promise<Connected> {
    const connected = (await this.#obey({ order: 'connect' })) as Connected;
    if (connected.failures.length > 20) throw new Error(`connections fail: ${connected.failures[0]}`);
    for (const failure of connected.failures) this.failures.push(failure);
    return connected;
  }

  /** Publishes for a while. */
  async run(traffic: Traffic): Promise<Delivered> {
    return (await this.#obey({ order: 'run', traffic })) as Delivered;
  }

  /** Has the connections enter and leave rooms. */
  async churn(churning: Churning): Promise<Churned> {
    return (await this.#obey({ order: 'churn', churning })) as Churned;
  }

  /** Cuts off everybody of a plan, with connections of its own. */
  async recover(plan: Plan, recovering: Recovering): Promise<Recovered> {
    return (await this.#obey({ order: 'recover', plan, recovering })) as Recovered;
  }

  /** Publishes for a while, and floods one connection more. */
  async flood(flooding: Flooding): Promise<Flooded> {
    return (await this.#obey({ order: 'flood', flooding })) as Flooded;
  }

  /** Cuts all connections. The next step is another `prepare`. */
  async disconnect(): Promise<void> {
    await this.#obey({ order: 'disconnect' });
  }

  /** Connects writers, which stay until the process ends. @throws Error if one is refused. */
  async seat(seating: Seating): Promise<void> {
    await this.#obey({ order: 'seat', seating });
  }

  /** Has the writers write for a while. */
  async write(writing: Writing): Promise<Written> {
    return (await this.#obey({ order: 'write', writing })) as Written;
  }

  /** Sends HTTP requests. */
  async request(requests: Requests): Promise<Requested> {
    return (await this.#obey({ order: 'request', requests })) as Requested;
  }

  /** Of the process, for a profiler. */
  get pid(): number {
    return this.#process.pid;
  }

  /** Ends the process. */
  stop(): Promise<void> {
    return this.#process.stop();
  }

  async #obey(order: Order): Promise<Answer> {
    const answer = await this.#process.ask<Answer>(order);
    if ('failure' in answer) throw new Error(answer.failure);
    return answer;
  }
}
