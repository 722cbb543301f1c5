import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Child } from './child.ts';
import { freePort } from './free-port.ts';
import { makeFolder, removeFolder } from './temp-folder.ts';
import { until } from './wait.ts';

const HAPROXY = '/usr/sbin/haproxy';

/** A real HAProxy on 127.0.0.1, with a configuration that a test writes as an administrator would. */
export class HaProxy {
  /** Where its frontend listens. */
  readonly port: number;
  readonly #child: Child;
  readonly #folder: string;

  private constructor(child: Child, port: number, folder: string) {
    this.#child = child;
    this.port = port;
    this.#folder = folder;
  }

  /** Resolves once it passes requests on. */
  static async start(configuration: (port: number) => string): Promise<HaProxy> {
    const [port, folder] = [await freePort(), makeFolder('parley-haproxy-')];
    mkdirSync(folder, { recursive: true });
    const file = join(folder, 'haproxy.cfg');
    writeFileSync(file, configuration(port));
    const child = new Child(HAPROXY, ['-db', '-f', file]);
    const proxy = new HaProxy(child, port, folder);
    await until(() => child.ended || proxy.#passes(), { timeoutMs: 60_000, describe: () => `HAProxy passes requests on\n${child.output}` });
    if (child.ended) throw new Error(`HAProxy ended at start:\n${child.output}`);
    return proxy;
  }

  async stop(): Promise<void> {
    this.#child.signal('SIGTERM');
    await this.#child.exited;
    removeFolder(this.#folder);
  }

  async #passes(): Promise<boolean> {
    const answer = await fetch(`http://127.0.0.1:${this.port}/`).catch(() => undefined);
    await answer?.arrayBuffer();
    return answer !== undefined && answer.status < 500;
  }
}
