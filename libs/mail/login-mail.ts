import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto';

/** A mail with a login code, as it waits in the queue. */
export interface LoginMail {
  /** As `toMailAddress` gave it; empty where nobody gets it: such a mail is queued all the same, so that nobody can tell. */
  readonly to: string;
  readonly code: string;
  /** Unix milliseconds: not sent any more afterwards. */
  readonly expiresAt: number;
}

const CIPHER = 'aes-256-gcm';
const KEY_BYTES = 32;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
/** What the key is for (RFC 5869): keys for anything else that come from the same secret are others. */
const PURPOSE = 'parley queued mail v1';
/** Room for the longest address; every mail is filled up to it, so that the length tells nothing. */
const PLAIN_BYTES = 512;

/** Closes mails before they are queued and opens them where they are sent: AES-256-GCM under a key derived from a secret that all of these processes have. */
export class MailSeal {
  readonly #key: Uint8Array;

  /** @throws TypeError where the secret is empty. */
  constructor(secret: string | Uint8Array) {
    if (secret.length === 0) throw new TypeError('The secret of queued mail is empty.');
    this.#key = new Uint8Array(hkdfSync('sha256', secret, '', PURPOSE, KEY_BYTES));
  }

  /** Base64url of one length for all mails; different at each call. It opens under the same job id only. @throws RangeError where the mail is too long. */
  seal(jobId: string, mail: LoginMail): string {
    const plain = Buffer.alloc(PLAIN_BYTES, ' ');
    const text = JSON.stringify({ to: mail.to, code: mail.code, expiresAt: mail.expiresAt });
    if (Buffer.byteLength(text) > PLAIN_BYTES) throw new RangeError('The mail is too long to be sealed.');
    plain.write(text);
    const nonce = randomBytes(NONCE_BYTES);
    const cipher = createCipheriv(CIPHER, this.#key, nonce, { authTagLength: TAG_BYTES }).setAAD(Buffer.from(jobId));
    return Buffer.concat([nonce, cipher.update(plain), cipher.final(), cipher.getAuthTag()]).toString('base64url');
  }

  /** Undefined if it was sealed with another secret, for another job, or changed. */
  open(jobId: string, sealed: string): LoginMail | undefined {
    const bytes = Buffer.from(sealed, 'base64url');
    if (bytes.length !== NONCE_BYTES + PLAIN_BYTES + TAG_BYTES) return undefined;
    const decipher = createDecipheriv(CIPHER, this.#key, bytes.subarray(0, NONCE_BYTES), { authTagLength: TAG_BYTES });
    decipher.setAAD(Buffer.from(jobId)).setAuthTag(bytes.subarray(-TAG_BYTES));
    try {
      const plain = Buffer.concat([decipher.update(bytes.subarray(NONCE_BYTES, -TAG_BYTES)), decipher.final()]);
      // Only `seal` makes what passes the tag.
      return JSON.parse(plain.toString()) as LoginMail;
    } catch {
      return undefined;
    }
  }
}

/** What a login code looks like in a mail. */

export interface RenderedMail {
  readonly subject: string;
  readonly text: string;
  readonly html: string;
}

/** The code stands on a line of its own in the text. @param minutes How long it is good for. */
export function loginCodeMail(code: string, minutes: number): RenderedMail {
  const first = 'This is your code to log in to Parley:';
  const good = `It is good for ${minutes} minutes and works once.`;
  const ignore = 'If you did not ask for it, ignore this mail: without the code nobody can log in. Never tell it to anybody.';
  return {
    // Without the code: a subject is shown on locked screens.
    subject: 'Your code for Parley',
    text: `${first}\n\n${code}\n\n${good}\n\n${ignore}\n`,
    html: [
      '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Your code for Parley</title></head>',
      '<body style="font-family:sans-serif;line-height:1.5">',
      `<p>${first}</p>`,
      `<p style="font-family:monospace;font-size:2em;letter-spacing:.15em"><strong>${escapeHtml(code)}</strong></p>`,
      `<p>${good}</p><p>${ignore}</p></body></html>`,
      '',
    ].join('\n'),
  };
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
