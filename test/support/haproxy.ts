import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort } from './free-port.ts';
import { ProxyProgram } from './proxy-program.ts';
import { makeFolder } from './temp-folder.ts';
import { until } from './wait.ts';

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
    const file = write(folder, configuration(port));
    // A master and a worker, as a service manager runs them: so it can be reloaded.
    const proxy = new HaProxy([HAPROXY, '-W', '-db', '-f', file], port, folder);
    await proxy.ready('HAProxy passes requests on', () => proxy.#passes());
    return proxy;
  }

  /** Reloads a changed configuration. Resolves when new connections reach the new worker. */
  async change(configuration: (port: number) => string): Promise<void> {
    const mark = `/marked-${Date.now()}`;
    write(
      this.folder,
      configuration(this.port).replace(/^frontend .*$/m, (line) => `${line}\n  http-request return status 204 if { path ${mark} }`),
    );
    this.signal('SIGUSR2');
    await until(async () => (await fetch(this.url + mark)).status === 204, { describe: () => `HAProxy took it\n${this.output}` });
  }

  async #passes(): Promise<boolean> {
    const answer = await fetch(this.url).catch(() => undefined);
    await answer?.arrayBuffer();
    return answer !== undefined && answer.status < 500;
  }
}

function write(folder: string, configuration: string): string {
  const file = join(folder, 'haproxy.cfg');
  writeFileSync(file, configuration);
  // Prints the faults of the configuration.
  execFileSync(HAPROXY, ['-c', '-q', '-f', file], { stdio: 'pipe' });
  return file;
}
