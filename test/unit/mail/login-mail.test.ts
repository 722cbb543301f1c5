import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { loginCodeMail, MailSeal } from '#libs/mail/login-mail.ts';
import { LANGUAGES } from '#libs/protocol/languages.ts';
import { LANGUAGES as PAGES } from '#services/web/src/i18n/languages.ts';

const SECRET = 'a secret that the processes share, long enough';
const MAIL = { to: 'bob@corp.test', code: 'aB3xY9', expiresAt: 1_700_000_600_000 };

describe('sealed mail', () => {
  it('is opened with each secret, and sealed with the first', () => {
    const [old, both, fresh] = [new MailSeal(SECRET), new MailSeal(`${SECRET}!`, SECRET), new MailSeal(`${SECRET}!`)];
    expect(both.open('job', old.seal('job', MAIL))).toEqual(MAIL);
    expect(fresh.open('job', both.seal('job', MAIL))).toEqual(MAIL);
    expect(old.open('job', both.seal('job', MAIL))).toBeUndefined();
    expect(both.open('another job', old.seal('job', MAIL))).toBeUndefined();
  });

  it('opens with the same secret and under the same job', () => {
    expect(new MailSeal(SECRET).open('job', new MailSeal(SECRET).seal('job', MAIL))).toEqual(MAIL);
  });

  it('does not open with another secret, under another job, or changed anywhere', () => {
    const seal = new MailSeal(SECRET);
    const sealed = seal.seal('job', MAIL);
    expect(new MailSeal(`${SECRET}!`).open('job', sealed)).toBeUndefined();
    expect(seal.open('other', sealed)).toBeUndefined();
    expect(seal.open('job', sealed.slice(0, -4))).toBeUndefined();
    expect(seal.open('job', '')).toBeUndefined();
    const bytes = Buffer.from(sealed, 'base64url');
    for (let index = 0; index < bytes.length; index += 7) {
      const changed = Buffer.from(bytes);
      changed[index] = (changed[index] ?? 0) ^ 1;
      expect(seal.open('job', changed.toString('base64url'))).toBeUndefined();
    }
  });

  it('[A1] has one length, for nobody too, and shows neither address nor code', () => {
    const seal = new MailSeal(SECRET);
    const length = seal.seal('job', { ...MAIL, to: '' }).length;
    fc.assert(
      fc.property(fc.stringMatching(/^[a-z]{1,240}$/), fc.stringMatching(/^[0-9A-Za-z]{6}$/), (local, code) => {
        const to = `${local}@corp.test`;
        const sealed = seal.seal('job', { ...MAIL, to, code });
        expect(sealed).toHaveLength(length);
        expect(sealed).toMatch(/^[A-Za-z0-9_-]+$/);
        const bytes = Buffer.from(sealed, 'base64url').toString('latin1');
        expect(bytes).not.toContain(to);
        expect(bytes).not.toContain(code);
        expect(seal.open('job', sealed)).toEqual({ ...MAIL, to, code });
      }),
    );
  });

  it('[A1] keeps the language, and has the same length for all', () => {
    const seal = new MailSeal(SECRET);
    for (const language of LANGUAGES) {
      const sealed = seal.seal('job', { ...MAIL, language });
      expect(sealed).toHaveLength(seal.seal('job', MAIL).length);
      expect(seal.open('job', sealed)).toEqual({ ...MAIL, language });
    }
  });

  it('is another text each time, and refuses what does not fit', () => {
    const seal = new MailSeal(SECRET);
    expect(seal.seal('job', MAIL)).not.toBe(seal.seal('job', MAIL));
    expect(() => seal.seal('job', { ...MAIL, to: 'x'.repeat(500) })).toThrow(RangeError);
    expect(() => new MailSeal('')).toThrow(TypeError);
  });
});

describe('the mail of a code', () => {
  it('[A1] is in the language of the page, subject and text both; in English without one', () => {
    for (const language of LANGUAGES) {
      const { subject, text, html } = loginCodeMail('ABC234', 10, language);
      expect(html).toContain(`<html lang="${PAGES[language].tag}">`);
      expect(html).toContain(`<title>${subject}</title>`);
      expect(text.split('\n')).toContain('ABC234');
      for (const words of [subject, text]) expect(/\p{Script=Han}/u.test(words), words).toBe(language === 'zh');
    }
    expect(loginCodeMail('ABC234', 10)).toEqual(loginCodeMail('ABC234', 10, 'en'));
  });
});
