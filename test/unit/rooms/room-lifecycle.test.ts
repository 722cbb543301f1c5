import { describe, expect, it } from 'vitest';
import { isManagedRoom } from '#libs/protocol/room-kinds.ts';
import { isRoomName } from '#libs/protocol/room-name.ts';
import { freshRoomName } from '#libs/rooms/room-lifecycle.ts';

describe('names of managed rooms', () => {
  it('[R2] are of their kind, and not to be guessed', () => {
    const names = Array.from({ length: 1000 }, () => freshRoomName('group'));
    expect(new Set(names).size).toBe(1000);
    for (const name of names) {
      expect(name).toMatch(/^group:[\w-]{22}$/);
      expect(isRoomName(name) && isManagedRoom(name)).toBe(true);
    }
  });
});
