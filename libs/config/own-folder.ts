import { mkdirSync } from 'node:fs';

/** Makes a folder that only this account enters, and those above it. Nothing happens if it is there. Throws what the operating system says. */
export function makeOwnFolder(path: string): void {
  const mode = 0o700;
  try {
    mkdirSync(path, { recursive: true, mode });
  } catch {
    // On a read-only file system Node says ENOENT of a recursive call, and the cause of a plain one.
    mkdirSync(path, { mode });
  }
}
