/** The two parts of a login: an account (mail address or name) and the mailed code. */

import { createHmac, randomInt } from 'node:crypto';
import { toMailAddress } from '#libs/mail/mailer.ts';
import { HubError } from '#libs/protocol/errors.ts';
import { nameFault, tidyName } from '#libs/protocol/name-text.ts';
import { lookAlike, nameKey, textKey } from '#libs/store/name-key.ts';
import type { ApiParts } from './api-parts.ts';

/** Longest name (A3), Unicode code points. */
const NAME_MAX = 21;

/**
 * Returns a name in the form that is stored (A3).
 *
 * @throws HubError `NAME_INVALID`; the message says why.
 */
export function toPersonName(text: string): string {
  // The text may have any length. A valid name is shorter.
  const name = tidyName(text.slice(0, TEXT_MAX));
  const fault = text.length > TEXT_MAX ? `has at most ${NAME_MAX} characters` : nameFault(name, { max: NAME_MAX, script: 'whole' });
  if (fault !== undefined) throw new HubError('NAME_INVALID', `A name ${fault}.`);
  if (name.normalize('NFKC').includes('@')) throw new HubError('NAME_INVALID', 'A name must not contain @.');
  return name;
}

/** Longest text that is examined, UTF-16 code units: a name with marks, and blanks around it. */
const TEXT_MAX = 1000;

/**
 * Checks that the name does not look like that of an agent, a service or a moderator (UTS 39
 * section 4).
 *
 * @throws HubError `NAME_TAKEN`; rejects with `UNAVAILABLE`.
 */
export async function requireUnlike({ store, services }: Pick<ApiParts, 'store' | 'services'>, name: string): Promise<void> {
  const guarded = [...services.map((service) => service.name), ...(await store.names.guarded())];
  if (lookAlike(name, guarded) !== undefined) throw new HubError('NAME_TAKEN');
}

/**
 * Longest text for an account, characters. An address has 254 at most (RFC 5321 section 4.5.3.1.3).
 */
export const ACCOUNT_MAX = 320;

const CODE_LENGTH = 6;
/** Without characters that readers confuse: 0 and O; 1, I and L. */
const CODE_ALPHABET = '23456789ABCDEFGHJKMNPQRSTUVWXYZ';

/** An account as somebody typed it. `key` is the same for all spellings of one account. */
export type AccountName =
  | { readonly by: 'mail'; readonly key: string; readonly mail: string }
  | { readonly by: 'name'; readonly key: string; readonly name: string };

/**
 * Reads the text of an account. Returns undefined if it can be neither a mail address nor a name.
 * Does not look the account up.
 */
export function toAccountName(text: string): AccountName | undefined {
  if (text.includes('@')) {
    const mail = toMailAddress(text);
    return mail === undefined ? undefined : { by: 'mail', key: textKey(mail), mail };
  }
  // Names from before today's rules are valid, too.
  const name = tidyName(text);
  const key = nameKey(name);
  return key === '' || [...name].length > NAME_MAX ? undefined : { by: 'name', key, name };
}

/**
 * Returns the key under which the store keeps the codes and tries of an account. It never equals
 * the key of an agent or a device. `key` is that of the account's address, or that of a name
 * without an account.
 */
export function accountKey(key: string): string {
  return `account:${key}`;
}

/** Returns a fresh code. All 31^6 codes are equally likely: `randomInt` has no modulo bias. */
export function newCode(): string {
  let code = '';
  while (code.length < CODE_LENGTH) code += CODE_ALPHABET[randomInt(CODE_ALPHABET.length)] ?? '';
  return code;
}

/**
 * Returns a typed code in the form of `newCode`; either case is accepted. Returns '' if the text is
 * not a code.
 */
export function typedCode(text: string): string {
  const code = text.trim().toUpperCase();
  return code.length === CODE_LENGTH && [...code].every((character) => CODE_ALPHABET.includes(character)) ? code : '';
}

/**
 * Returns the stored form of a code: HMAC-SHA256 of account and code in base64url.
 *
 * The hash is keyed because 31^6 codes are few: an attacker finds a code from a plain hash in
 * seconds, and from a slow hash in hours. The key is not in the database. The account is part of
 * the input, so a hash is useless for another account.
 */
export function codeHash(key: Uint8Array, account: string, code: string): string {
  return createHmac('sha256', key).update(`${account}\0${code}`).digest('base64url');
}

/**
 * Returns the stored form of the address or device that asks for a code: a keyed hash, base64url.
 * The database has no address of a client.
 */
export function askerHash(key: Uint8Array, kind: 'address' | 'device', id: string): string {
  return createHmac('sha256', key).update(`asker\0${kind}\0${id}`).digest('base64url');
}
