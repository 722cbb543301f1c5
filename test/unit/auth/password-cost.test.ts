import { expect, it, vi } from 'vitest';

vi.mock('@node-rs/argon2', async (importOriginal) => {
  const original = await importOriginal<typeof import('@node-rs/argon2')>();
  return { ...original, verify: vi.fn(original.verify) };
});

it('[A6] a password of a name nobody has is compared with a hash of the same cost, once, like that of a name somebody has', async () => {
  // Files before this one in the same process have loaded the module with the real argon2.
  vi.resetModules();
  const { verify } = await import('@node-rs/argon2');
  const { hashPassword, isPassword } = await import('#libs/auth/password.ts');
  const kept = await hashPassword('correct horse battery');
  const costs: (string | undefined)[] = [];
  for (const hash of [kept, undefined, kept, undefined]) {
    vi.mocked(verify).mockClear();
    expect(await isPassword('wrong', hash)).toBe(false);
    costs.push(...vi.mocked(verify).mock.calls.map(([against]) => /^\$argon2id\$v=19\$[^$]+/.exec(String(against))?.[0]));
  }
  expect(costs).toEqual(Array(4).fill('$argon2id$v=19$m=19456,t=2,p=1'));
  expect(await isPassword('correct horse battery', kept)).toBe(true);
});
