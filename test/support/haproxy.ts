import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort } from './free-port.ts';
import { ProxyProgram } from './proxy-program.ts';
import { makeFolder } from './temp-folder.ts';

const HAPROXY = '/usr/sbin/haproxy';

/**
 * A real HAProxy on 127.0.0.1, with a configuration that a test writes as an administrator does.
 */
export class HaProxy extends ProxyProgram {
  /**
   * Starts it. Resolves when it passes requests on.
   *
   * @param configuration Returns the configuration for the port of its frontend.
   */
  static async start(configuration: (port: number) => string): Promise<HaProxy> {
    const [port, folder] = [await freePort(), makeFolder('parley-haproxy-')];
    const file = join(folder, 'haproxy.cfg');
    writeFileSync(file, configuration(port));
    const proxy = new HaProxy([HAPROXY, '-db', '-f', file], port, folder);
    await proxy.ready('HAProxy passes requests on', () => proxy.#passes());
    return proxy;
  }

  async #passes(): Promise<boolean> {
    const answer = await fetch(this.url).catch(() => undefined);
    await answer?.arrayBuffer();
    return answer !== undefined && answer.status < 500;
  }
}
