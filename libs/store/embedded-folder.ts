/** The folder of the embedded server: its password, its data, its log. */
import { randomBytes } from 'node:crypto';
import { existsSync, linkSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { hasData } from './data-place.ts';
import type { PostgresProgram } from './postgres-program.ts';
import { isAlive, runningPostmaster } from './postmaster.ts';

/** The superuser, and owner of the database. */
export const USER = 'parley';

const LOG_TAIL = 1500;

const DRAFT = 'new-';

/** The folder of one embedded server. */
export class EmbeddedFolder {
  readonly path: string;
  readonly data: string;
  /** The standard error of the server's last start. */
  readonly log: string;
  readonly #program: PostgresProgram;

  /** `path`: a folder that `dataPlace` returned. */
  constructor(path: string, program: PostgresProgram) {
    this.path = path;
    this.data = join(path, 'data');
    this.log = join(path, 'server.log');
    this.#program = program;
  }

  /** Whether the folder has data. */
  get hasData(): boolean {
    return hasData(this.path);
  }

  /**
   * The server's password. The first call makes it, with mode 0600. Two first calls at once get the
   * same password.
   */
  password(): string {
    const file = join(this.path, 'password');
    if (!existsSync(file)) this.#makePassword(file);
    return readFileSync(file, 'utf8').trim();
  }

  #makePassword(file: string): void {
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
  }

  /**
   * Makes the data in a draft folder and renames it: a start that is killed, or a concurrent start,
   * leaves no half-made data.
   */
  async initialise(): Promise<void> {
    const draft = join(this.path, `${DRAFT}${process.pid}`);
    this.#removeDrafts();
    try {
      this.#program.makeFolder(draft);
      await this.#program.initialise(draft, { user: USER, password: this.password(), sync: true });
      renameSync(draft, this.data);
    } catch (error) {
      // A rename never replaces data: a concurrent start was faster.
      if (!this.hasData) throw error;
    } finally {
      rmSync(draft, { recursive: true, force: true });
    }
  }

  /** Removes drafts of interrupted starts, and of an earlier process with the same id. */
  #removeDrafts(): void {
    for (const name of readdirSync(this.path)) {
      const pid = Number(name.slice(DRAFT.length));
      if (name.startsWith(DRAFT) && (pid === process.pid || !isAlive(pid))) rmSync(join(this.path, name), { recursive: true, force: true });
    }
  }

  /** The end of the server's log, for error messages. */
  logTail(): string {
    try {
      return readFileSync(this.log, 'utf8').slice(-LOG_TAIL).trim();
    } catch {
      return '';
    }
  }
}

/**
 * The URL of the embedded server that runs on a folder (see `startEmbedded`), for a second program
 * beside the server's own. Undefined if none runs. The URL contains the password: never log it.
 */
export function embeddedUrl(folder: string): string | undefined {
  const running = runningPostmaster(join(folder, 'data'));
  if (running === undefined || running.port <= 0) return undefined;
  const password = readFileSync(join(folder, 'password'), 'utf8').trim();
  return `postgres://${USER}:${password}@127.0.0.1:${running.port}/parley`;
}
