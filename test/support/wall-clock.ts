import { renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeFolder, removeFolder } from './temp-folder.ts';

/** The loader replaces `$LIB`, which differs between machines. */
const LIBRARY = '/usr/$LIB/faketime/libfaketime.so.1';

/**
 * The wall clock of processes that a test starts with `env`. They are real processes, and the clock
 * is set while they run. Timers and the steady clock do not change.
 */
export class WallClock {
  readonly #folder = makeFolder('parley-clock-');
  readonly env: Readonly<Record<string, string>>;
  #ahead = 0;

  constructor() {
    this.set(0);
    this.env = {
      LD_PRELOAD: LIBRARY,
      FAKETIME_TIMESTAMP_FILE: this.#file,
      FAKETIME_NO_CACHE: '1',
      FAKETIME_DONT_FAKE_MONOTONIC: '1',
      FAKETIME_DONT_RESET: '1',
    };
  }

  /** Sets the clock this many seconds ahead of this process's. A negative value sets it back. */
  set(seconds: number): void {
    this.#ahead = seconds;
    // In one step, so that a reader never finds half of it.
    writeFileSync(`${this.#file}.new`, `${seconds < 0 ? '' : '+'}${seconds}\n`);
    renameSync(`${this.#file}.new`, this.#file);
  }

  /** Returns the Unix seconds that the processes see. */
  now(): number {
    return Math.floor(Date.now() / 1000) + this.#ahead;
  }

  remove(): void {
    removeFolder(this.#folder);
  }

  get #file(): string {
    return join(this.#folder, 'time');
  }
}
