import { randomBytes } from 'node:crypto';
import { chmodSync, existsSync, linkSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** 256 bits, in base64url: 43 characters. */
const SECRET_BYTES = 32;

const SECRET_SHAPE = /^[A-Za-z0-9_-]{43}$/;

/**
 * The all-in-one's own JWT secret, for when `JWT_SECRET` is not set: made at the first start, kept in `<directory>/jwt-secret` (mode 0600), the same
 * afterwards. Two starts at once get the same one. If it is there, nothing is written. Throws `Error` if the file cannot be read or made, or holds something
 * else.
 */
export function keptSecret(directory: string): string {
  const path = join(directory, 'jwt-secret');
  if (!existsSync(path)) makeSecret(directory, path);
  if ((statSync(path).mode & 0o077) !== 0) chmodSync(path, 0o600);
  const secret = readFileSync(path, 'utf8').trim();
  if (!SECRET_SHAPE.test(secret)) throw new Error(`${path} does not hold a secret of this program: remove it, and a new one is made.`);
  return secret;
}

function makeSecret(directory: string, path: string): void {
  makeOwnFolder(directory);
  const draft = `${path}.${process.pid}`;
  try {
    writeFileSync(draft, randomBytes(SECRET_BYTES).toString('base64url'), { mode: 0o600 });
    // A link is made whole or not at all, and never over an existing file: nobody reads half a secret, the first one stays.
    linkSync(draft, path);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
  } finally {
    rmSync(draft, { force: true });
  }
}

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
