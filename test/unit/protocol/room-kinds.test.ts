import { describe, expect, it } from 'vitest';
import {
  isArchivedRoom,
  isManagedRoom,
  isPrivateRoom,
  LISTED_KINDS,
  managedKindsWith,
  mustJoin,
  PUBLIC_ROOMS,
  ROOM_KINDS,
  type RoomPolicy,
  roomKind,
} from '#libs/protocol/room-kinds.ts';
import { mayEnter, POWERS, USER_KINDS } from '#libs/protocol/user-kinds.ts';
import { RoomRules } from '#libs/rooms/room-entry.ts';
import { RoomView } from '#services/api/room-schemas.ts';

const NAMES = [
  'park',
  'group:1',
  'pair:1',
  'conv:1',
  'dm:x',
  'live:cursors',
  'lobby',
  'groups',
  'group',
  'park:',
  'a:dm:x',
  'LIVE:x',
  'open',
];
const having = (test: (name: string) => boolean): string[] => NAMES.filter(test);

describe('kinds of rooms', () => {
  it('[R2] [R3] follow from the name, as far as its first colon', () => {
    expect(NAMES.map(roomKind)).toEqual([
      'park',
      'group',
      'pair',
      'conv',
      'dm',
      'live',
      ...['lobby', 'groups', 'group', 'park:', 'a:dm:x', 'LIVE:x', 'open'].map(() => 'open'),
    ]);
  });

  it('[R2] [R3] [R5] have the policy of their kind', () => {
    expect(having(isManagedRoom)).toEqual(['group:1', 'pair:1', 'conv:1', 'dm:x']);
    expect(having(isPrivateRoom)).toEqual(['pair:1', 'conv:1', 'dm:x']);
    expect(having(isArchivedRoom)).toEqual(['park', 'group:1', 'pair:1', 'conv:1', 'dm:x']);
    expect(NAMES.filter((name) => !mustJoin(name))).toEqual(['pair:1', 'conv:1', 'dm:x']);
    expect(managedKindsWith(({ isPrivate }) => isPrivate === true)).toBe("'pair','conv','dm'");
    expect(managedKindsWith(({ readAfterEnd }) => readAfterEnd === 'delivered')).toBe("'conv'");
    expect(PUBLIC_ROOMS).toContainEqual({ room: 'park', kind: 'park', title: 'Park', keepHistory: true });
    expect(LISTED_KINDS).toEqual(expect.arrayContaining(['park', 'group', 'pair', 'conv', 'dm']));
  });

  it('have prefixes that no other one begins with', () => {
    const prefixes = Object.values(ROOM_KINDS).map(({ prefix }) => prefix);
    expect(new Set(prefixes).size).toBe(prefixes.length);
    expect(prefixes.filter((prefix) => !/^(?:[a-z]+:?|)$/.test(prefix))).toEqual([]);
  });

  /** Whatever kinds there are: a new row is held to the same rules. */
  describe.each(Object.entries<RoomPolicy>(ROOM_KINDS))('%s', (kind, policy) => {
    const { prefix, entry, retention, power, join } = policy;
    const room = prefix === '' ? 'any' : prefix.endsWith(':') ? `${prefix}x` : prefix;
    const rules = (openRooms: boolean): RoomRules => new RoomRules({ openRooms });

    it('[R2] is entered as its row says', () => {
      expect(roomKind(room)).toBe(kind);
      const opened = { everybody: [true, true, true], members: [false, false, false], claim: [false, true, true] }[entry];
      const allowed = [rules(false).refusal({}, room), rules(true).refusal({}, room), rules(false).refusal({ rooms: [room] }, room)];
      expect(allowed.map((refusal) => refusal === undefined)).toEqual(opened);
    });

    it('[R6] asks for a power that there is, and that some kind of user has', () => {
      expect(Object.keys(POWERS)).toContain(power);
      expect(Object.keys(USER_KINDS).some((user) => mayEnter(user, room))).toBe(true);
    });

    it('[R3] keeps what its row says', () => {
      expect(rules(false).keepsStream(room)).toBe(retention !== 'none');
      expect(isArchivedRoom(room)).toBe(retention === 'history' || retention === 'chosen');
      if (entry === 'members') expect(policy.chosenBy !== undefined).toBe(retention === 'chosen');
    });

    it('[R5] need not be joined if it is private, and must be if it is not', () => {
      expect(join === 'optional').toBe(isPrivateRoom(room));
      if (isPrivateRoom(room)) expect(isManagedRoom(room)).toBe(true);
    });

    it('[A8] is listed unless a claim alone lets in', () => {
      const listed = RoomView.properties.kind as unknown as { readonly anyOf: readonly { readonly const: string }[] };
      expect(listed.anyOf.some((one) => one.const === kind)).toBe(entry !== 'claim');
      expect(PUBLIC_ROOMS.some((one) => one.room === room)).toBe(entry === 'everybody');
    });
  });
});
