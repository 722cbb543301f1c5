import { describe, expect, it } from 'vitest';
import { may, mayEnter, requirePower, requireRoom } from '#libs/protocol/user-kinds.ts';

const ROOMS = ['park', 'lobby', 'live:score', 'group:a', 'pair:a', 'dm:a'];

describe('[R6] what each kind of user may do', () => {
  it('[R6] a customer is in conversations only', () => {
    for (const room of ROOMS) {
      expect(mayEnter('customer', room), room).toBe(false);
      expect(() => requireRoom('customer', room)).toThrow(expect.objectContaining({ code: 'FORBIDDEN' }));
    }
    expect(mayEnter('customer', 'conv:a')).toBe(true);
    for (const room of ['conv', 'convention', 'Conv:a', 'live:conv:a']) expect(mayEnter('customer', room), room).toBe(false);
  });

  it('[R6] everybody else is where the rules of rooms let them', () => {
    for (const kind of ['user', 'guest']) for (const room of ROOMS) expect(mayEnter(kind, room), `${kind} ${room}`).toBe(true);
    expect(mayEnter('agent', 'pair:a')).toBe(false);
  });

  it('[R6] a kind of another issuer has no power that the table does not give it, whatever its name', () => {
    for (const kind of ['vip', 'toString', '__proto__', 'constructor']) {
      expect([may(kind, 'park'), may(kind, 'pairs'), may(kind, 'ask'), may(kind, 'answer')]).toEqual([true, false, false, false]);
    }
    expect(() => requirePower('vip', 'ask', 'answer')).toThrow(expect.objectContaining({ code: 'FORBIDDEN' }));
  });
});
