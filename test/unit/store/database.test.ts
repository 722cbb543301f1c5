import pg from 'pg';
import { expect, test } from 'vitest';
import { HubError } from '#libs/protocol/errors.ts';
import { isCollision, storeError } from '#libs/store/database.ts';

function databaseError(code: string): pg.DatabaseError {
  return Object.assign(new pg.DatabaseError('x', 1, 'error'), { code });
}

test.each([
  ['22021', 'INVALID_REQUEST'],
  ['22P02', 'INVALID_REQUEST'],
  ['23505', 'INVALID_REQUEST'],
  ['54000', 'INVALID_REQUEST'],
  ['57014', 'UNAVAILABLE'],
  ['57P01', 'UNAVAILABLE'],
  ['53300', 'UNAVAILABLE'],
  ['25006', 'UNAVAILABLE'],
  ['42P01', 'UNAVAILABLE'],
  ['40P01', 'UNAVAILABLE'],
])('SQLSTATE %s is told as %s, with the cause', (state, code) => {
  const cause = databaseError(state);
  expect(storeError(cause)).toMatchObject({ code, cause });
});

test('what is not the database’s own is UNAVAILABLE; a HubError stays itself', () => {
  expect(storeError(new Error('connect ECONNREFUSED')).code).toBe('UNAVAILABLE');
  const told = new HubError('BUSY');
  expect(storeError(told)).toBe(told);
});

test('collisions are known, also from inside a HubError', () => {
  expect(isCollision(databaseError('40P01'))).toBe(true);
  expect(isCollision(storeError(databaseError('40001')))).toBe(true);
  expect(isCollision(databaseError('23505'))).toBe(false);
  expect(isCollision(new Error('40P01'))).toBe(false);
});
