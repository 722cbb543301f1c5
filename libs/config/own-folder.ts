/** The folder in which the all-in-one keeps its data, and the secret in it. */
import { randomBytes } from 'node:crypto';
import { chmodSync, existsSync, linkSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** 256 bits, in base64url: 43 characters. */
const SECRET_BYTES = 32;

const SECRET_SHAPE = /^[A-Za-z0-9_-]{43}$/;

/**
 * Returns the all-in-one's own JWT secret, for a start without `JWT_SECRET`. The first start makes
 * it and stores it in `<directory>/jwt-secret` (mode 0600); later starts read it. Two first starts
 * at once get the same secret.
 *
 * @throws Error if the file cannot be read or made, or does not hold such a secret.
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
    // A link appears whole or not at all, and never replaces a file. So nobody reads half a secret,
    // and the first one stays.
    linkSync(draft, path);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
  } finally {
    rmSync(draft, { force: true });
  }
}

/**
 * Makes a folder that only this account can enter, and its missing parents. Does nothing if it
 * exists. Throws the error of the operating system.
 */
export function makeOwnFolder(path: string): void {
  const mode = 0o700;
  try {
    mkdirSync(path, { recursive: true, mode });
  } catch {
    // On a read-only file system a recursive call fails with ENOENT. A plain call fails with the
    // cause.
    mkdirSync(path, { mode });
  }
}
