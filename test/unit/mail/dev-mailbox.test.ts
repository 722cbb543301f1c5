import { describe, expect, it } from 'vitest';
import { DevMailbox } from '#libs/mail/dev-mailbox.ts';
import { loginCodeMail } from '#libs/mail/login-mail.ts';

describe('the mail with a login code', () => {
  it('[A1] has the code alone on a line, says what it is and how long it is good, and keeps it out of the subject', () => {
    const { subject, text, html } = loginCodeMail('aB3xY9', 10);
    expect(text.split('\n')).toContain('aB3xY9');
    for (const body of [text, html]) {
      expect(body).toContain('log in to Parley');
      expect(body).toContain('10 minutes');
      expect(body).toContain('ignore this mail');
    }
    expect(html).toContain('<strong>aB3xY9</strong>');
    expect(subject).not.toContain('aB3xY9');
    expect(loginCodeMail('<b>"&', 10).html).not.toContain('<b>');
  });
});

describe('the mailbox without a mail server', () => {
  const mail = (number: number) => ({ key: `k${number}`, to: `u${number}@corp.test`, ...loginCodeMail(`code${number}`, 10) });

  it('shows each mail and keeps the last 50, the newest first', async () => {
    const printed: string[] = [];
    const box = new DevMailbox({ print: (text) => printed.push(text), now: () => 42 });
    for (let i = 0; i < 53; i++) await box.send(mail(i));
    expect(printed).toHaveLength(53);
    expect(printed[7]).toContain('To: u7@corp.test');
    expect(printed[7]).toContain('code7');
    expect(box.list()).toHaveLength(50);
    expect(box.list()[0]).toMatchObject({ to: 'u52@corp.test', subject: 'Your code for Parley', at: 42 });
    expect(box.list().at(-1)?.to).toBe('u3@corp.test');
    box.close();
    expect(box.list()).toEqual([]);
  });
});
