/** Hashes and checks the passwords of agents: argon2id (RFC 9106), stored in PHC form. */
import { hash, verify } from '@node-rs/argon2';

/**
 * The minimum of OWASP for argon2id, and the default of the package: 19 MiB, two passes, one lane.
 */
const COST = { memoryCost: 19_456, timeCost: 2, parallelism: 1 } as const;

/** Shortest password, characters (UTF-16 code units). */
export const PASSWORD_MIN = 12;
/** Longest password, characters (UTF-16 code units). Bounds the cost of a hash. */
export const PASSWORD_MAX = 256;

/**
 * Returns the hash of a password with a fresh salt. The password is normalised to NFC, so it does
 * not matter how a keyboard composes it. The caller checks its length.
 */
export function hashPassword(password: string): Promise<string> {
  return hash(password.normalize('NFC'), COST);
}

/**
 * The hash of a random password. A password for an unknown name is compared with it, so the answer
 * takes the same time as for a known name.
 */
let nobody: Promise<string> | undefined;

/**
 * Resolves to true if the password has this hash. An undefined hash resolves to false and takes the
 * same time.
 */
export async function isPassword(password: string, hashed: string | undefined): Promise<boolean> {
  nobody ??= hashPassword(crypto.randomUUID());
  const against = hashed ?? (await nobody);
  const same = await verify(against, password.normalize('NFC'));
  return same && hashed !== undefined;
}
