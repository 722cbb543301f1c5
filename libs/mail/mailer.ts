/** The port to a mailer, and the addresses that it accepts. */
import { domainToASCII } from 'node:url';

/** A mail to send. */
export interface OutgoingMail {
  /**
   * The same for each attempt to send a mail, and different for every other mail: the Message-ID is
   * made from it. Letters, digits, `-` and `_`.
   */
  readonly key: string;
  /** As `toMailAddress` returned it. */
  readonly to: string;
  readonly subject: string;
  readonly text: string;
  readonly html: string;
}

/** Sends mails. `SmtpMailer` and `DevMailbox` implement it. */
export interface Mailer {
  /** Resolves once the mail is accepted. Rejects with `MailError`. */
  send(mail: OutgoingMail): Promise<void>;
  close(): void;
}

/**
 * A mail was not accepted. The message leaves out the server's reply, which repeats the address.
 */
export class MailError extends Error {
  override readonly name = 'MailError';
  /** A retry cannot succeed (RFC 5321: a reply of 5yz). */
  readonly permanent: boolean;

  constructor(message: string, permanent: boolean) {
    super(message);
    this.permanent = permanent;
  }
}

/** RFC 5321, section 4.5.3.1; the whole address as in RFC 3696, erratum 1690. */
const LOCAL_MAX = 64;
const ADDRESS_MAX = 254;

/**
 * Control and format characters, surrogates, all kinds of spaces, and characters that are not
 * drawn.
 */
const INVISIBLE = /[\p{C}\p{Z}\p{Default_Ignorable_Code_Point}]/u;

/** A dot-atom (RFC 5322) without `%` and `!`, with which old relays were told to forward a mail. */
const LOCAL = /^[A-Za-z0-9#$&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9#$&'*+/=?^_`{|}~-]+)*$/;

/**
 * The beginning of an encoded word (RFC 2047). Some parsers decode it inside an address, and get
 * another address.
 */
const ENCODED_WORD = '=?';

/** Letters of any script, digits, hyphens and dots: no address literal, no port, no escape. */
const DOMAIN_TEXT = /^[\p{L}\p{M}\p{N}.\-\u3002]+$/u;

/** At least two labels, the last not a number: no IP address. */
const DOMAIN = /^(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+(?=[a-z])[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])$/;

/**
 * Returns the address in `text`, in the one form in which it is stored, compared and sent to.
 * Undefined if mail cannot be sent to it, or if some program on the way could read another address
 * in it. Compatibility characters are replaced (NFKC), and the domain becomes lower-case ASCII. Two
 * results that differ only in case are the same address.
 *
 * Accepts a plain `local@domain.tld`. Refuses quoted parts, comments, lists, names with angle
 * brackets, address literals, invisible characters, and letters beyond ASCII before the `@`.
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
