import { expect, it } from 'vitest';
import { isManagedRoom, isPrivateRoom } from '#libs/client/room-kinds.ts';
import * as hub from '#libs/protocol/room-kinds.ts';

it('[R2] [R5] the client knows of each kind of room what the hub knows', () => {
  const prefixes = Object.values(hub.ROOM_KINDS).map(({ prefix }) => prefix);
  for (const name of prefixes.flatMap((prefix) => [prefix, `${prefix}x`, `x${prefix}`, prefix.replace(':', '')])) {
    expect(isPrivateRoom(name), name).toBe(hub.isPrivateRoom(name));
    expect(isManagedRoom(name), name).toBe(hub.isManagedRoom(name));
  }
});
