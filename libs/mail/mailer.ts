/** The port to whatever takes a mail and brings it to a person, and the addresses that it takes. */
import { domainToASCII } from 'node:url';

export interface OutgoingMail {
  /** The same at each attempt to send the same mail, and no other's: its Message-ID is made from it. Letters, digits, `-` and `_`. */
  readonly key: string;
  /** As `toMailAddress` gave it. */
  readonly to: string;
  readonly subject: string;
  readonly text: string;
  readonly html: string;
}

export interface Mailer {
  /** Resolves once it is accepted. Rejects with `MailError`. */
  send(mail: OutgoingMail): Promise<void>;
  close(): void;
}

/** A mail was not accepted. What the server said is left out: it repeats the address. */
export class MailError extends Error {
  override readonly name = 'MailError';
  /** Trying again cannot succeed (RFC 5321: a reply of 5yz). */
  readonly permanent: boolean;

  constructor(message: string, permanent: boolean) {
    super(message);
    this.permanent = permanent;
  }
}

/** RFC 5321, section 4.5.3.1; the whole as RFC 3696's erratum 1690 counts it. */
const LOCAL_MAX = 64;
const ADDRESS_MAX = 254;

/** Control and format characters, surrogates, spaces of any kind, and what is not drawn at all. */
const INVISIBLE = /[\p{C}\p{Z}\p{Default_Ignorable_Code_Point}]/u;

/** A dot-atom (RFC 5322), without `%` and `!`, by which old relays were told to send the mail on to somewhere else. */
const LOCAL = /^[A-Za-z0-9#$&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9#$&'*+/=?^_`{|}~-]+)*$/;

/** Begins an encoded word (RFC 2047): some parsers decode it inside of an address, to another address. */
const ENCODED_WORD = '=?';

/** Letters of any script, digits, hyphens and dots: no address literal, no port, no escape. */
const DOMAIN_TEXT = /^[\p{L}\p{M}\p{N}.\-\u3002]+$/u;

/** At least two labels, the last not a number: no IP address. */
const DOMAIN = /^(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+(?=[a-z])[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])$/;

/**
 * The one address that a text is, in the form it is kept, compared and sent to; undefined if it is none that mail can be sent to, or could mean another to some
 * program on its way. Compatibility characters become what they stand for (NFKC), the domain becomes lower-case ASCII. Two results that differ in case only are the same.
 *
 * Taken: a plain `local@domain.tld`. Refused: quoted parts, comments, lists, names with angle brackets, address literals, whatever cannot be seen, letters beyond ASCII
 * before the `@`.
 */
export function toMailAddress(text: string): string | undefined {
  if (text.length > ADDRESS_MAX || INVISIBLE.test(text)) return undefined;
  const normal = text.normalize('NFKC');
  if (INVISIBLE.test(normal)) return undefined;
  const at = normal.indexOf('@');
  const local = normal.slice(0, Math.max(0, at));
  if (local.length > LOCAL_MAX || local.includes(ENCODED_WORD) || !LOCAL.test(local)) return undefined;
  const typed = normal.slice(at + 1);
  if (!DOMAIN_TEXT.test(typed)) return undefined;
  const domain = domainToASCII(typed.toLowerCase());
  if (!DOMAIN.test(domain)) return undefined;
  const address = `${local}@${domain}`;
  return address.length > ADDRESS_MAX ? undefined : address;
}
