/** The port to whatever takes a mail and brings it to a person. */

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
