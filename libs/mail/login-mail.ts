import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto';
import type { Language } from '#libs/protocol/languages.ts';

/** The mail of a login code while it waits in the queue. */
export interface LoginMail {
  /**
   * As `toMailAddress` returned it. Empty for an unknown account: such a mail is queued all the
   * same, so that nobody can tell the difference.
   */
  readonly to: string;
  readonly code: string;
  /** Unix milliseconds. The mail is not sent afterwards. */
  readonly expiresAt: number;
  /** Absent in mail that an earlier version queued. */
  readonly language?: Language | undefined;
}

const CIPHER = 'aes-256-gcm';
const KEY_BYTES = 32;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
/**
 * The purpose of the key (RFC 5869, `info`): keys for other purposes differ, even from the same
 * secret.
 */
const PURPOSE = 'parley queued mail v1';
/** Room for the longest address. Every mail is padded to it, so that the length tells nothing. */
const PLAIN_BYTES = 512;

/**
 * Seals mails before they are queued, and opens them before they are sent. AES-256-GCM, with a key
 * derived from a secret that all these processes share. Of several secrets the first seals, and each
 * opens.
 */
export class MailSeal {
  readonly #key: Uint8Array;
  readonly #keys: readonly Uint8Array[];

  /** @throws TypeError if a secret is empty. */
  constructor(first: string, ...others: readonly string[]) {
    if ([first, ...others].includes('')) throw new TypeError('The secret of queued mail is empty.');
    this.#key = keyOf(first);
    this.#keys = [this.#key, ...others.map(keyOf)];
  }

  /**
   * Returns base64url text: of the same length for all mails, different at each call, and opened
   * only with the same job id.
   * @throws RangeError if the mail is too long.
   */
  seal(jobId: string, mail: LoginMail): string {
    const plain = Buffer.alloc(PLAIN_BYTES, ' ');
    const text = JSON.stringify({ to: mail.to, code: mail.code, expiresAt: mail.expiresAt, language: mail.language });
    if (Buffer.byteLength(text) > PLAIN_BYTES) throw new RangeError('The mail is too long to be sealed.');
    plain.write(text);
    const nonce = randomBytes(NONCE_BYTES);
    const cipher = createCipheriv(CIPHER, this.#key, nonce, { authTagLength: TAG_BYTES }).setAAD(Buffer.from(jobId));
    return Buffer.concat([nonce, cipher.update(plain), cipher.final(), cipher.getAuthTag()]).toString('base64url');
  }

  /** Undefined if it was sealed with none of the secrets or for another job, or if it was changed. */
  open(jobId: string, sealed: string): LoginMail | undefined {
    const bytes = Buffer.from(sealed, 'base64url');
    if (bytes.length !== NONCE_BYTES + PLAIN_BYTES + TAG_BYTES) return undefined;
    for (const key of this.#keys) {
      const plain = opened(key, jobId, bytes);
      // Only text of `seal` passes the tag.
      if (plain !== undefined) return JSON.parse(plain) as LoginMail;
    }
    return undefined;
  }
}

function keyOf(secret: string): Uint8Array {
  return new Uint8Array(hkdfSync('sha256', secret, '', PURPOSE, KEY_BYTES));
}

function opened(key: Uint8Array, jobId: string, bytes: Buffer): string | undefined {
  const decipher = createDecipheriv(CIPHER, key, bytes.subarray(0, NONCE_BYTES), { authTagLength: TAG_BYTES });
  decipher.setAAD(Buffer.from(jobId)).setAuthTag(bytes.subarray(-TAG_BYTES));
  try {
    return Buffer.concat([decipher.update(bytes.subarray(NONCE_BYTES, -TAG_BYTES)), decipher.final()]).toString();
  } catch {
    return undefined;
  }
}

/** A mail as text and as HTML. */
interface RenderedMail {
  readonly subject: string;
  readonly text: string;
  readonly html: string;
}

/** The texts of the mail. The subject is without the code: locked screens show subjects. */
interface MailTexts {
  /** `lang` of the HTML. */
  readonly tag: string;
  readonly subject: string;
  readonly first: string;
  readonly validity: (minutes: number) => string;
  readonly ignore: string;
}

const TEXTS: Readonly<Record<Language, MailTexts>> = {
  en: {
    tag: 'en',
    subject: 'Your code for Parley',
    first: 'This is your code to log in to Parley:',
    validity: (minutes) => `It is valid for ${minutes} minutes and works once.`,
    ignore: 'If you did not ask for it, ignore this mail: without the code nobody can log in. Never tell it to anybody.',
  },
  zh: {
    tag: 'zh-Hans',
    subject: '你的 Parley 登录验证码',
    first: '这是你登录 Parley 的验证码：',
    validity: (minutes) => `验证码 ${minutes} 分钟内有效，只能使用一次。`,
    ignore: '如果不是你本人操作，请忽略这封邮件：没有验证码，任何人都无法登录。请勿将验证码告诉任何人。',
  },
};

/**
 * Renders the mail of a login code. In the text the code has a line of its own.
 * @param minutes For how long the code is valid.
 */
export function loginCodeMail(code: string, minutes: number, language: Language = 'en'): RenderedMail {
  const { tag, subject, first, validity, ignore } = TEXTS[language];
  return {
    subject,
    text: `${first}\n\n${code}\n\n${validity(minutes)}\n\n${ignore}\n`,
    html: [
      `<!doctype html><html lang="${tag}"><head><meta charset="utf-8"><title>${subject}</title></head>`,
      '<body style="font-family:sans-serif;line-height:1.5">',
      `<p>${first}</p>`,
      `<p style="font-family:monospace;font-size:2em;letter-spacing:.15em"><strong>${escapeHtml(code)}</strong></p>`,
      `<p>${validity(minutes)}</p><p>${ignore}</p></body></html>`,
      '',
    ].join('\n'),
  };
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
