import { describe, expect, it } from 'vitest';
import { type AdminPlace, adminHrefOf, adminPlaceOf, rowHrefOf } from '#services/web/src/admin/place.ts';

describe('the place of the admin page', () => {
  it.each<[string, AdminPlace]>([
    ['#/node/gw-1.eu', { is: 'node', id: 'gw-1.eu' }],
    ['#/room/group%3Aa%2Fb', { is: 'room', id: 'group:a/b' }],
    ['#/person/%E5%B0%8F', { is: 'person', id: '小' }],
    ['#/queue/mail', { is: 'queue', id: 'mail', state: 'waiting' }],
    ['#/queue/mail/failed', { is: 'queue', id: 'mail', state: 'failed' }],
    ['#/', { is: 'overview' }],
  ])('[A13] %s is an address of its own', (hash, place) => {
    expect(adminPlaceOf(hash)).toEqual(place);
    expect(adminHrefOf(place)).toBe(hash);
  });

  it.each(['', '#', '#/room/', '#/room/%', '#/room/a/b', '#/pair', '#/node'])('[A13] %j is the overview', (hash) => {
    expect(adminPlaceOf(hash)).toEqual({ is: 'overview' });
  });

  it('[A13] an unknown state of jobs is that of waiting ones, whose address the row has', () => {
    expect(adminPlaceOf('#/queue/mail/done')).toEqual({ is: 'queue', id: 'mail', state: 'waiting' });
    expect(rowHrefOf({ is: 'queue', id: 'mail', state: 'failed' })).toBe('#/queue/mail');
  });
});
