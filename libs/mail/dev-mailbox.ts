import type { Mailer, OutgoingMail } from './mailer.ts';

export interface KeptMail {
  readonly to: string;
  readonly subject: string;
  readonly text: string;
  readonly html: string;
  /** Unix milliseconds. */
  readonly at: number;
}

const KEPT = 50;

export interface DevMailboxOptions {
  /** Where a mail is shown, usually the terminal. */
  readonly print: (text: string) => void;
  readonly now?: () => number;
}

/**
 * In place of a mail server, for the all-in-one that was given none: shows each mail in the terminal and keeps the last 50. The one place where a code can be read, so
 * for trying out on one's own machine only.
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
