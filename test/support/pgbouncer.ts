import { chownSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { PostgresProgram } from '#libs/store/postgres-program.ts';
import { Child } from './child.ts';
import { freePort } from './free-port.ts';
import { makeReachable, removeFolder } from './temp-folder.ts';
import { until } from './wait.ts';

/**
 * A real pgbouncer on 127.0.0.1 in front of a PostgreSQL, with default settings except the pool
 * mode. Debian's refuses to run as root.
 */
export class PgBouncer {
  readonly port: number;
  readonly #folder: string;
  readonly #child: Child;

  private constructor(port: number, folder: string, child: Child) {
    this.port = port;
    this.#folder = folder;
    this.#child = child;
  }

  /**
   * @param url A database of the PostgreSQL behind it, with user and password.
   * @param settings More lines of its `[pgbouncer]`.
   */
  static async start(url: string, settings: Readonly<Record<string, string | number>>): Promise<PgBouncer> {
    const target = new URL(url);
    const port = await freePort();
    const program = await PostgresProgram.find();
    const folder = await makeReachable('parley-pgbouncer-', program);
    const all = {
      listen_addr: '127.0.0.1',
      listen_port: port,
      unix_socket_dir: '',
      auth_type: 'trust',
      auth_file: join(folder, 'users'),
      ...settings,
    };
    const lines = Object.entries(all).map(([name, value]) => `${name} = ${value}`);
    const files = {
      users: `"${target.username}" "${target.password}"\n`,
      'pgbouncer.ini': `[databases]\n* = host=${target.hostname} port=${target.port}\n[pgbouncer]\n${lines.join('\n')}\n`,
    };
    const { account } = program;
    for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
    if (account !== undefined)
      for (const path of [folder, ...Object.keys(files).map((name) => join(folder, name))]) chownSync(path, account.uid, account.gid);
    const who = account === undefined ? [] : [`--reuid=${account.uid}`, `--regid=${account.gid}`, '--clear-groups'];
    const child = new Child('setpriv', [...who, '--pdeathsig', 'KILL', '--', 'pgbouncer', join(folder, 'pgbouncer.ini')]);
    const bouncer = new PgBouncer(port, folder, child);
    await until(
      async () => {
        if (child.ended) return true;
        const client = new pg.Client({ connectionString: bouncer.urlOf(url) });
        client.on('error', () => undefined);
        await client.connect();
        await client.end();
        return true;
      },
      { describe: () => `pgbouncer ready on ${port}\n${child.output}` },
    );
    if (child.ended) throw new Error(`pgbouncer ended at start:\n${child.output}`);
    return bouncer;
  }

  /** Returns the URL of the same database through the pooler. */
  urlOf(url: string): string {
    const through = new URL(url);
    through.port = String(this.port);
    return through.href;
  }

  async stop(): Promise<void> {
    this.#child.signal('SIGKILL');
    await this.#child.exited;
    removeFolder(this.#folder);
  }
}
