/** Passwords of agents: argon2id (RFC 9106), kept in PHC form. */
import { hash, verify } from '@node-rs/argon2';

/**
 * The minimum of OWASP for argon2id, and the default of the package: 19 MiB, two passes, one lane.
 */
const COST = { memoryCost: 19_456, timeCost: 2, parallelism: 1 } as const;

/** Characters. */
export const PASSWORD_MIN = 12;
export const PASSWORD_MAX = 256;

/** Hashes with a fresh salt. */
export function hashPassword(password: string): Promise<string> {
  return hash(password.normalize('NFC'), COST);
}

/**
 * The hash of a password that nobody has. An unknown name is checked against it, so that it takes
 * the same time.
 */
let nobody: Promise<string> | undefined;

/** Whether the password has this hash. An undefined hash returns false and takes the same time. */
export async function isPassword(password: string, hashed: string | undefined): Promise<boolean> {
  nobody ??= hashPassword(crypto.randomUUID());
  const against = hashed ?? (await nobody);
  const same = await verify(against, password.normalize('NFC'));
  return same && hashed !== undefined;
}
