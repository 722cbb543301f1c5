import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort } from './free-port.ts';
import { ProxyProgram } from './proxy-program.ts';
import { makeFolder } from './temp-folder.ts';
import { until } from './wait.ts';

const NGINX = '/usr/sbin/nginx';
/**
 * The folders that nginx would put beside its program. No connection outlives a request: otherwise
 * an old worker would answer it with the earlier servers.
 */
const TEMPORARY = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];

/** A real nginx on 127.0.0.1, with servers that a test writes as an administrator does. */
export class Nginx extends ProxyProgram {
  /**
   * Starts it. Resolves when it listens.
   *
   * @param servers The content of `http { }`.
   * @param port The port of the first `listen`. Default: a free one.
   */
  static async start(servers: (port: number) => string, port?: number): Promise<Nginx> {
    const [taken, folder] = [port ?? (await freePort()), makeFolder('parley-nginx-')];
    write(folder, servers(taken));
    const nginx = new Nginx([NGINX, ...flags(folder), '-g', 'daemon off;'], taken, folder);
    await nginx.ready('nginx listens', () => fetch(nginx.url).then(() => true));
    return nginx;
  }

  /** Replaces the servers. Resolves when new connections reach the new ones. */
  async change(servers: (port: number) => string): Promise<void> {
    const mark = `/marked-${Date.now()}`;
    write(this.folder, servers(this.port).replace(/server\s*\{/, `server { location = ${mark} { return 204; }`));
    this.signal('SIGHUP');
    await until(async () => (await fetch(this.url + mark)).status === 204, { describe: () => `nginx took it\n${this.output}` });
  }
}

function flags(folder: string): string[] {
  return ['-p', folder, '-e', 'stderr', '-c', join(folder, 'nginx.conf')];
}

function write(folder: string, servers: string): void {
  const places = TEMPORARY.map((name) => `${name}_temp_path ${folder}/${name};`).join(' ');
  writeFileSync(
    join(folder, 'nginx.conf'),
    `worker_processes 1; pid ${folder}/pid; events {} http { access_log off; keepalive_timeout 0; default_type text/plain; ${places}\n${servers}\n}\n`,
  );
  // Prints the faults of the configuration.
  execFileSync(NGINX, [...flags(folder), '-t', '-q'], { stdio: 'pipe' });
}
