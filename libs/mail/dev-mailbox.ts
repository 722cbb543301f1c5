import type { Mailer, OutgoingMail } from './mailer.ts';

/** A mail in the mailbox. */
export interface KeptMail {
  readonly to: string;
  readonly subject: string;
  readonly text: string;
  readonly html: string;
  /** Unix milliseconds. */
  readonly at: number;
}

const KEPT = 50;

/** Dependencies of `DevMailbox`. */
export interface DevMailboxOptions {
  /** Shows a mail, usually in the terminal. */
  readonly print: (text: string) => void;
  readonly now?: () => number;
}

/**
 * Replaces a mail server in an all-in-one without one: shows each mail in the terminal, and keeps
 * the last 50. Codes can be read here, so it is for trials on one's own machine only.
 */
export class DevMailbox implements Mailer {
  readonly #options: DevMailboxOptions;
  readonly #mails: KeptMail[] = [];

  constructor(options: DevMailboxOptions) {
    this.#options = options;
  }

  async send({ to, subject, text, html }: OutgoingMail): Promise<void> {
    this.#mails.unshift({ to, subject, text, html, at: (this.#options.now ?? Date.now)() });
    this.#mails.length = Math.min(this.#mails.length, KEPT);
    const lines = [`To: ${to}`, `Subject: ${subject}`, '', ...text.trimEnd().split('\n')];
    this.#options.print(['', '--- mail (SMTP_URL is not set) ---', ...lines.map((line) => `  ${line}`), '---', ''].join('\n'));
  }

  /** The newest first. */
  list(): readonly KeptMail[] {
    return [...this.#mails];
  }

  close(): void {
    this.#mails.length = 0;
  }
}
