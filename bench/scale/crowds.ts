import { setTimeout as delay } from 'node:timers/promises';
import { LOAD_CORE, PinnedProcess } from '#bench/measure/process.ts';
import { PARLEY_SECRET } from '#bench/measure/target.ts';
import type { Counted, CrowdAnswer, CrowdOrder } from './crowd-orders.ts';
import { audienceOf, deliveriesOf, type Point, type Traffic } from './grid.ts';

/** Connections of one process: below its limit of files. */
const BLOCK = 12_500;
/** Addresses of one process: the kernel looks long for a port of an address that has few left. */
const ADDRESSES = 8;
/** How long the last deliveries may take, milliseconds. */
const DRAIN_MS = 10_000;
const POLL_MS = 50;

/** What a stretch of traffic gave. */
export interface Delivered {
  readonly expected: number;
  readonly received: number;
  /** The load's own CPU, microseconds. */
  readonly loadMicros: number;
}

/** All connections of a tour, in as many processes as they need. It only grows. */
export class Crowds {
  readonly #shape: Point['shape'];
  readonly #ports: number[];
  readonly #processes: PinnedProcess[] = [];
  #size = 0;

  /** @param ports of the gateways, by node. */
  constructor(shape: Point['shape'], ports: readonly number[]) {
    this.#shape = shape;
    this.#ports = [...ports];
  }

  /**
   * Prepares more connections, up to `size` in all. Resolves with a function that opens them.
   */
  async grow(size: number): Promise<() => Promise<readonly string[]>> {
    const more: PinnedProcess[] = [];
    while (this.#size < size) {
      const to = Math.min(size, this.#size + BLOCK);
      const number = this.#processes.length + 1;
      const crowd = PinnedProcess.node(`crowd ${number}`, LOAD_CORE, ['--max-semi-space-size=32', 'bench/scale/crowd-main.ts']);
      this.#processes.push(crowd);
      more.push(crowd);
      const block = {
        shape: this.#shape,
        nodes: this.#ports.length,
        from: this.#size,
        to,
        ports: this.#ports,
        addresses: Array.from({ length: ADDRESSES }, (_, address) => `127.0.${number}.${address + 1}`),
        secret: PARLEY_SECRET,
      };
      await obey(crowd, { order: 'block', block });
      this.#size = to;
    }
    return async () => failuresOf(await Promise.all(more.map((crowd) => obey(crowd, { order: 'connect' }))));
  }

  /** Publishes, and waits until everything is delivered, or ten seconds. */
  async publish(point: Point, traffic: Traffic): Promise<Delivered> {
    const before = await this.count();
    const expected = deliveriesOf(point, traffic);
    const parts = this.#processes.length;
    const { smallRooms } = audienceOf(point);
    await Promise.all(this.#processes.map((crowd, part) => obey(crowd, { order: 'publish', traffic, part, parts, rooms: smallRooms })));
    const deadline = performance.now() + DRAIN_MS;
    let after = await this.count();
    while (after.deliveries - before.deliveries < expected && performance.now() < deadline) {
      await delay(POLL_MS);
      after = await this.count();
    }
    return { expected, received: after.deliveries - before.deliveries, loadMicros: after.cpuMicros - before.cpuMicros };
  }

  async count(): Promise<Counted> {
    const answers = await Promise.all(this.#processes.map((crowd) => obey(crowd, { order: 'count' })));
    const sum: Counted = { deliveries: 0, broken: 0, bytes: 0, cpuMicros: 0 };
    return answers.reduce<Counted>(
      (all, one) =>
        'deliveries' in one
          ? {
              deliveries: all.deliveries + one.deliveries,
              broken: all.broken + one.broken,
              bytes: all.bytes + one.bytes,
              cpuMicros: all.cpuMicros + one.cpuMicros,
            }
          : all,
      sum,
    );
  }

  /** Clients that lose the connection to this port reconnect to another one. Resolves once all have. */
  async comeBack(port: number): Promise<number> {
    const answers = await Promise.all(this.#processes.map((crowd) => obey(crowd, { order: 'come-back', port })));
    return answers.reduce((sum, one) => sum + ('connected' in one ? one.connected : 0), 0);
  }

  /** Those who sat at a node that died, and came back elsewhere, go to its new port. */
  async goHome(node: number, port: number): Promise<void> {
    this.#ports[node] = port;
    await Promise.all(this.#processes.map((crowd) => obey(crowd, { order: 'go-home', ports: this.#ports })));
  }

  async stop(): Promise<void> {
    await Promise.all(this.#processes.map((crowd) => crowd.stop()));
  }
}

async function obey(crowd: PinnedProcess, order: CrowdOrder): Promise<CrowdAnswer> {
  const answer = await crowd.ask<CrowdAnswer>(order);
  if ('failure' in answer) throw new Error(answer.failure);
  return answer;
}

function failuresOf(answers: readonly CrowdAnswer[]): readonly string[] {
  return answers.flatMap((one) => ('failures' in one ? one.failures : []));
}
