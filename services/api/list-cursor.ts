/** Cursors of the lists of the API, which are read page by page (A16). */

import { Type } from '@sinclair/typebox';
import { HubError } from '#libs/protocol/errors.ts';
import type { RoomPlace } from '#libs/store/room-store.ts';

type Parts = readonly [asOf: number, at: number, room: string];

const listOf = (user: string, ended: boolean) => JSON.stringify(ended ? ['rooms', user, 'ended'] : ['rooms', user]);

/**
 * Returns the place where a page of a user's rooms begins; undefined for the first page. @throws
 * HubError `INVALID_REQUEST`.
 */
export function roomPlaceOf(user: string, after: string | undefined, ended = false): RoomPlace | undefined {
  if (after === undefined) return undefined;
  const [asOf, at, room] = placeOf<Parts>(listOf(user, ended), after, [0, 0, '']);
  return { asOf, at, room };
}

/** Returns the member `next` of a page of a user's rooms. Empty at the end of the list. */
export function nextRoomsOf(user: string, place: RoomPlace | undefined, ended = false): { readonly next?: string } {
  return nextOf(listOf(user, ended), place && [place.asOf, place.at, place.room]);
}

/** A part of a place in a list. */
type Part = string | number;

/**
 * Returns the members of a list's query: the start of the page, and its length (1 to `max`, default
 * `limit`).
 */
export function pageQuery(max: number, limit = max) {
  return {
    after: Type.Optional(Type.String({ description: 'The `next` of the previous page. Default: the first page.' })),
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: max, description: `Default ${limit}.` })),
  };
}

/** The schema of the member `next` of an answer. */
export const Next = Type.Optional(Type.String({ description: 'The `after` of the next page. Absent at the end of the list.' }));

/**
 * Returns the member `next` of an answer: a place as an opaque text. `list` names the list with its
 * filters. Empty if `place` is undefined.
 */
export function nextOf(list: string, place: readonly Part[] | undefined): { readonly next?: string } {
  return place === undefined ? {} : { next: Buffer.from(JSON.stringify([list, ...place])).toString('base64url') };
}

/**
 * Returns the parts of a place that `nextOf` wrote for the same list. They have the types of
 * `like`. The text is not signed: a client that makes one up reads only items that it may read
 * anyway.
 *
 * @throws HubError `INVALID_REQUEST` for any other text.
 */
export function placeOf<Parts extends readonly Part[]>(list: string, after: string, like: Parts): Parts {
  const read = parse(after);
  const parts = Array.isArray(read) ? read.slice(1) : [];
  const fits = Array.isArray(read) && read[0] === list && parts.length === like.length && parts.every((part, n) => isLike(part, like[n]));
  if (!fits || nextOf(list, parts).next !== after) {
    throw new HubError('INVALID_REQUEST', '`after` is not the `next` of an earlier page of this list');
  }
  return parts as unknown as Parts;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(Buffer.from(text, 'base64url').toString());
  } catch {
    return undefined;
  }
}

/** Checks the type of a part. PostgreSQL cannot store NUL or a lone surrogate in a text. */
function isLike(part: unknown, like: Part | undefined): part is Part {
  if (typeof like === 'number') return Number.isSafeInteger(part);
  return typeof part === 'string' && !part.includes('\0') && part.isWellFormed();
}
