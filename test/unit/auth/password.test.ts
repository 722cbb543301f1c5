import { describe, expect, it } from 'vitest';
import { hashPassword, isPassword } from '#libs/auth/password.ts';

describe('a password', () => {
  it('[A6] is kept with argon2id, salted', async () => {
    const [one, two] = await Promise.all([hashPassword('secret'), hashPassword('secret')]);
    expect(one).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/);
    expect(one).not.toBe(two);
  });

  it('[A6] is known again, in any Unicode form, and no other', async () => {
    const hash = await hashPassword('Zoë’s');
    expect(await isPassword('Zoe\u0308’s', hash)).toBe(true);
    expect(await isPassword('zoë’s', hash)).toBe(false);
    expect(await isPassword('', hash)).toBe(false);
  });

  it('[A6] of nobody is never right', async () => {
    expect(await isPassword('anything', undefined)).toBe(false);
  });
});
