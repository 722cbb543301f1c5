/** Passwords of agents: argon2id (RFC 9106), kept in PHC form. */
import { hash, verify } from '@node-rs/argon2';

/** OWASP's least for argon2id, the package's default: 19 MiB, two passes, one lane. */
const COST = { memoryCost: 19_456, timeCost: 2, parallelism: 1 } as const;

/** Characters. */
export const PASSWORD_MIN = 12;
export const PASSWORD_MAX = 256;

/** Hashes with a fresh salt. */
export function hashPassword(password: string): Promise<string> {
  return hash(password.normalize('NFC'), COST);
}

/** Of a password nobody has: checked against where there is no such name, so that it costs the same. */
let nobody: Promise<string> | undefined;

/** Whether it is the password of this hash; never of an undefined one, which takes as long. */
export async function isPassword(password: string, hashed: string | undefined): Promise<boolean> {
  nobody ??= hashPassword(crypto.randomUUID());
  const against = hashed ?? (await nobody);
  const same = await verify(against, password.normalize('NFC'));
  return same && hashed !== undefined;
}
