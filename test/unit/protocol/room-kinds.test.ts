import { describe, expect, it } from 'vitest';
import { isArchivedRoom, isManagedRoom, isPrivateRoom, managedKindsWith, PARK, ROOM_KINDS, roomKind } from '#libs/protocol/room-kinds.ts';

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
    expect(managedKindsWith('isPrivate')).toBe("'pair','conv','dm'");
    expect(managedKindsWith('readAfterEnd')).toBe("'conv'");
    expect(PARK).toBe('park');
  });

  it('have prefixes that no other one begins with', () => {
    const prefixes = Object.values(ROOM_KINDS).map(({ prefix }) => prefix);
    expect(new Set(prefixes).size).toBe(prefixes.length);
    expect(prefixes.filter((prefix) => !/^(?:park|[a-z]+:|)$/.test(prefix))).toEqual([]);
  });
});
