import { expect, it } from 'vitest';

import { hrefOf, type Place, placeOf, placeOfRoom } from '#services/web/src/chat/place.ts';

it.each<[string, Place]>([
  ['#/', { is: 'lobby' }],
  ['#/pair', { is: 'pair' }],
  ['#/room/park', { is: 'room', room: 'park' }],
  ['#/room/group%3Aabc', { is: 'room', room: 'group:abc' }],
  ['#/dm/a%2Fb%20c', { is: 'direct', user: 'a/b c' }],
])('%s is a place, and the address of it', (hash, place) => {
  expect(placeOf(hash)).toEqual(place);
  expect(hrefOf(place)).toBe(hash);
});

it.each([
  '',
  '#',
  '#/nowhere',
  '#/room',
  '#/room/',
  '#/room/no name',
  '#/room/%3Cscript%3E',
  '#/room/%',
  '#/dm/',
  '#/pair/x',
  'javascript:alert(1)',
])('"%s" is the lobby', (hash) => {
  expect(placeOf(hash)).toEqual({ is: 'lobby' });
});

it('a room is looked at where it belongs', () => {
  const bob = { id: 'bob', name: 'Bob', kind: 'user' };
  expect(placeOfRoom({ room: 'pair:1', kind: 'pair', with: bob })).toEqual({ is: 'pair' });
  expect(placeOfRoom({ room: 'dm:1', kind: 'dm', with: bob })).toEqual({ is: 'direct', user: 'bob' });
  expect(placeOfRoom({ room: 'dm:2', kind: 'dm' })).toEqual({ is: 'room', room: 'dm:2' });
  expect(placeOfRoom({ room: 'group:1', kind: 'group' })).toEqual({ is: 'room', room: 'group:1' });
});
