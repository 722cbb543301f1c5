import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort } from './free-port.ts';
import { ProxyProgram } from './proxy-program.ts';
import { makeFolder } from './temp-folder.ts';

/** What it asks for. */
export const PROMETHEUS_CREDENTIAL = 'parley:test';
/** The bcrypt hash of `test`, from the documentation of Prometheus. */
const HASH = '$2b$12$hNf2lSsxfm0.i4a.1kVpSOVyBCfIB51VRjgBUyv6kdnyTlgWj81Ay';

/** A real Prometheus with a password, that scrapes each second. */
export class GuardedPrometheus extends ProxyProgram {
  /** @param adminPorts Of the processes that it scrapes. */
  static async start(adminPorts: readonly number[]): Promise<GuardedPrometheus> {
    const [port, folder] = [await freePort(), makeFolder('parley-prometheus-')];
    const file = (name: string, content: object): string => {
      const path = join(folder, name);
      writeFileSync(path, JSON.stringify(content));
      return path;
    };
    const targets = adminPorts.map((adminPort) => `127.0.0.1:${adminPort}`);
    const config = file('prometheus.json', {
      global: { scrape_interval: '1s', scrape_timeout: '1s' },
      scrape_configs: [{ job_name: 'parley', static_configs: [{ targets }] }],
    });
    const guard = file('web.json', { basic_auth_users: { parley: HASH } });
    const prometheus = new GuardedPrometheus(
      [
        'prometheus',
        `--config.file=${config}`,
        `--web.config.file=${guard}`,
        `--storage.tsdb.path=${join(folder, 'data')}`,
        `--web.listen-address=127.0.0.1:${port}`,
        '--log.level=warn',
      ],
      port,
      folder,
    );
    await prometheus.ready('Prometheus asks for its password', async () => {
      const answer = await fetch(`${prometheus.url}/api/v1/query?query=up`).catch(() => undefined);
      return answer?.status === 401;
    });
    return prometheus;
  }
}
