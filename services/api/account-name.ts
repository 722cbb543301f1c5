/** What people log in with: an account (mail address or nickname) and the code that is mailed for it. */

import { createHmac, randomInt } from 'node:crypto';
import { toMailAddress } from '#libs/mail/mailer.ts';
import { HubError } from '#libs/protocol/errors.ts';
import { nameFault, tidyName } from '#libs/protocol/name-text.ts';
import { lookAlike, nameKey, textKey } from '#libs/store/name-key.ts';
import type { ApiParts } from './api-parts.ts';

/** Characters of a name at most (A3), as Unicode code points. */
const NAME_MAX = 21;

/** The name as it is kept. @throws HubError `NAME_INVALID`, saying why. */
export function toPersonName(text: string): string {
  // A text of any length may come: a name has less.
  const name = tidyName(text.slice(0, TEXT_MAX));
  const fault = text.length > TEXT_MAX ? `has at most ${NAME_MAX} characters` : nameFault(name, { max: NAME_MAX, script: 'whole' });
  if (fault !== undefined) throw new HubError('NAME_INVALID', `A name ${fault}.`);
  if (name.normalize('NFKC').includes('@')) throw new HubError('NAME_INVALID', 'A name must have no @.');
  return name;
}

/** Code units of a text that is looked at: a name with marks, and blanks around it. */
const TEXT_MAX = 1000;

/**
 * That no agent, service or moderator could be taken for the bearer of the name.
 * @throws HubError `NAME_TAKEN`; rejects with `UNAVAILABLE`.
 */
export async function requireUnlike({ store, services }: Pick<ApiParts, 'store' | 'services'>, name: string): Promise<void> {
  const guarded = [...services.map((service) => service.name), ...(await store.names.guarded())];
  if (lookAlike(name, guarded) !== undefined) throw new HubError('NAME_TAKEN');
}

/** Longest account that is looked at, characters: an address has 254 at most (RFC 5321). */
export const ACCOUNT_MAX = 320;

const CODE_LENGTH = 6;
/** Nothing that is taken for something else: no 0 and O, no 1, I and L. */
const CODE_ALPHABET = '23456789ABCDEFGHJKMNPQRSTUVWXYZ';

/** `key` is one for all spellings of the same account. */
export type AccountName =
  | { readonly by: 'mail'; readonly key: string; readonly mail: string }
  | { readonly by: 'name'; readonly key: string; readonly name: string };

/** Undefined for what can be neither an address nor a name, whether or not anybody has it. */
export function toAccountName(text: string): AccountName | undefined {
  if (text.includes('@')) {
    const mail = toMailAddress(text);
    return mail === undefined ? undefined : { by: 'mail', key: textKey(mail), mail };
  }
  // Names from before today's rules are names, too.
  const name = tidyName(text);
  const key = nameKey(name);
  return key === '' || [...name].length > NAME_MAX ? undefined : { by: 'name', key, name };
}

/** What an account's codes and tries are kept under: never the same as an agent's or a device's. `key`: of its address, or of a name nobody has. */
export function accountKey(key: string): string {
  return `account:${key}`;
}

/** A fresh code: 31^6 of them, all as likely (`randomInt` rejects what would make some likelier). */
export function newCode(): string {
  let code = '';
  while (code.length < CODE_LENGTH) code += CODE_ALPHABET[randomInt(CODE_ALPHABET.length)] ?? '';
  return code;
}

/** A code as it was made, from what somebody typed: either case is taken. Empty where it is none. */
export function typedCode(text: string): string {
  const code = text.trim().toUpperCase();
  return code.length === CODE_LENGTH && [...code].every((character) => CODE_ALPHABET.includes(character)) ? code : '';
}

/**
 * What is kept instead of a code: HMAC-SHA256 of account and code, keyed. 31^6 codes are found from a bare hash in seconds and from a slow one in hours; without
 * the key, which no database has, they are not found at all. An account's hash is of no use for another one.
 */
export function codeHash(key: Uint8Array, account: string, code: string): string {
  return createHmac('sha256', key).update(`${account}\0${code}`).digest('base64url');
}

/** What stands for whoever asks for a code, keyed: the database has no address of a client. */
export function askerHash(key: Uint8Array, kind: 'address' | 'device', id: string): string {
  return createHmac('sha256', key).update(`asker\0${kind}\0${id}`).digest('base64url');
}
