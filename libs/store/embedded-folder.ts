/** The folder of the embedded server: its password, its data, its log. */
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmodSync, existsSync, linkSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import type { PostgresProgram } from './postgres-program.ts';

const run = promisify(execFile);

/** The superuser and owner of the database. */
export const USER = 'parley';

const LOG_TAIL = 1500;

export class EmbeddedFolder {
  readonly path: string;
  readonly data: string;
  /** What the server writes to its standard error, of its last start. */
  readonly log: string;
  readonly #program: PostgresProgram;

  constructor(path: string, program: PostgresProgram) {
    this.path = path;
    this.data = join(path, 'data');
    this.log = join(path, 'server.log');
    this.#program = program;
  }

  /** Whether data was made here before. */
  get hasData(): boolean {
    return existsSync(join(this.data, 'PG_VERSION'));
  }

  /**
   * Makes the folder. As root the server runs as another account: the folder and the one above (which is ours as well) may then be passed through by
   * others; what lies in them has modes of its own. Throws `Error` where the account cannot get there all the same.
   */
  async prepare(): Promise<void> {
    const { account } = this.#program;
    mkdirSync(this.path, { recursive: true, mode: 0o700 });
    if (account === undefined) return;
    for (const folder of [dirname(this.path), this.path]) chmodSync(folder, (statSync(folder).mode & 0o7777) | 0o011);
    await run('/usr/bin/test', ['-x', this.path], { ...account, cwd: '/' }).catch(() => {
      throw new Error(
        `PostgreSQL does not run as root, and the account it runs as cannot reach ${this.path}: put the project elsewhere, start it as another user, or set DATABASE_URL.`,
      );
    });
  }

  /** The server's password: made at the first call and kept with mode 0600. Two first calls at once get the same one. */
  password(): string {
    const file = join(this.path, 'password');
    const draft = `${file}.${process.pid}`;
    try {
      writeFileSync(draft, randomBytes(32).toString('base64url'), { mode: 0o600 });
      // A link is made whole or not at all, and never over an existing file.
      linkSync(draft, file);
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
    } finally {
      rmSync(draft, { force: true });
    }
    return readFileSync(file, 'utf8').trim();
  }

  /** Makes the data, aside and then put in its place whole: one that is killed meanwhile, or another at the same time, leaves no half of it. */
  async initialise(): Promise<void> {
    const draft = join(this.path, `new-${process.pid}`);
    rmSync(draft, { recursive: true, force: true });
    try {
      this.#program.makeFolder(draft);
      await this.#program.initialise(draft, { user: USER, password: this.password(), sync: true });
      renameSync(draft, this.data);
    } catch (error) {
      // Nothing is ever put over data: another copy was faster.
      if (!this.hasData) throw error;
    } finally {
      rmSync(draft, { recursive: true, force: true });
    }
  }

  /** The end of the server's log, for a failure's message. */
  logTail(): string {
    try {
      return readFileSync(this.log, 'utf8').slice(-LOG_TAIL).trim();
    } catch {
      return '';
    }
  }
}
