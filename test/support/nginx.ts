import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort } from './free-port.ts';
import { ProxyProgram } from './proxy-program.ts';
import { makeFolder } from './temp-folder.ts';
import { until } from './wait.ts';

const NGINX = '/usr/sbin/nginx';
/** What nginx would write beside its program. No connection outlives a request: those of before a change are answered by what was before. */
const TEMPORARY = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];

/** A real nginx on 127.0.0.1, with servers that a test writes as an administrator would. */
export class Nginx extends ProxyProgram {
  /** `servers`: what stands in `http { }`. `port`: of the first `listen` among them, a free one where undefined. Resolves when it listens. */
  static async start(servers: (port: number) => string, port?: number): Promise<Nginx> {
    const [taken, folder] = [port ?? (await freePort()), makeFolder('parley-nginx-')];
    write(folder, servers(taken));
    const nginx = new Nginx([NGINX, ...flags(folder), '-g', 'daemon off;'], taken, folder);
    await nginx.ready('nginx listens', () => fetch(nginx.url).then(() => true));
    return nginx;
  }

  /** Goes on with other servers; resolves once new connections are theirs. */
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
  // Says what is wrong with what a test wrote.
  execFileSync(NGINX, [...flags(folder), '-t', '-q'], { stdio: 'pipe' });
}
