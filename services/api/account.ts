/** What people log in with: an account (mail address or nickname) and the code that is mailed for it. */
import { createHmac, randomInt } from 'node:crypto';
import { toMailAddress } from '#libs/mail/mail-address.ts';
import { textKey } from '#libs/store/text-key.ts';
import { toPersonName } from './person-name.ts';

/** Longest account that is looked at, characters: an address has 254 at most (RFC 5321). */
export const ACCOUNT_MAX = 320;

export const CODE_LENGTH = 6;
const CODE_ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';

/** `key` is one for all spellings of the same account. */
export type Account =
  | { readonly by: 'mail'; readonly key: string; readonly mail: string }
  | { readonly by: 'name'; readonly key: string; readonly name: string };

/** Undefined for what can be neither an address nor a name, whether or not anybody has it. */
export function toAccount(text: string): Account | undefined {
  if (text.includes('@')) {
    const mail = toMailAddress(text);
    return mail === undefined ? undefined : { by: 'mail', key: textKey(mail), mail };
  }
  const name = toPersonName(text);
  return name === undefined ? undefined : { by: 'name', key: textKey(name), name };
}

/** A fresh code: 62^6 of them, all as likely (`randomInt` rejects what would make some likelier). */
export function newCode(): string {
  let code = '';
  while (code.length < CODE_LENGTH) code += CODE_ALPHABET[randomInt(CODE_ALPHABET.length)] ?? '';
  return code;
}

/**
 * What is kept instead of a code: HMAC-SHA256 of account and code, keyed. 62^6 codes are found from a bare hash in minutes and from a slow one in days;
 * without the key, which no database has, they are not found at all. An account's hash is of no use for another one.
 */
export function codeHash(key: Uint8Array, account: Account, code: string): string {
  return createHmac('sha256', key).update(`${account.key}\0${code}`).digest('base64url');
}
