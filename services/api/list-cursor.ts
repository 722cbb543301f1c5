/** How lists of the API are read page by page (A16). */

import { Type } from '@sinclair/typebox';
import { HubError } from '#libs/protocol/errors.ts';
import type { RoomPlace } from '#libs/store/room-store.ts';

type Parts = readonly [asOf: number, at: number, room: string];

const listOf = (user: string) => JSON.stringify(['rooms', user]);

/** Where a page of a user's rooms begins. @throws HubError `INVALID_REQUEST`. */
export function roomPlaceOf(user: string, after: string | undefined): RoomPlace | undefined {
  if (after === undefined) return undefined;
  const [asOf, at, room] = placeOf<Parts>(listOf(user), after, [0, 0, '']);
  return { asOf, at, room };
}

export function nextRoomsOf(user: string, place: RoomPlace | undefined): { readonly next?: string } {
  return nextOf(listOf(user), place && [place.asOf, place.at, place.room]);
}

/** What a place in a list is written with. */
type Part = string | number;

/** Members of the query of a list: where the page begins, and how long it may be. */
export function pageQuery(max: number, limit = max) {
  return {
    after: Type.Optional(Type.String({ description: 'The `next` of the page before. Without it: the first page.' })),
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: max, description: `Default ${limit}.` })),
  };
}

/** The member of an answer that has the `after` of the next page. */
export const Next = Type.Optional(Type.String({ description: 'The `after` of the next page; without it the list ends here.' }));

/** A place that an answer gives out, as its member `next`. */
export function nextOf(list: string, place: readonly Part[] | undefined): { readonly next?: string } {
  return place === undefined ? {} : { next: Buffer.from(JSON.stringify([list, ...place])).toString('base64url') };
}

/**
 * The parts of a place that `nextOf` wrote for the same list: of the types of `like`. Whoever makes one up reads what they may read anyway, from elsewhere on.
 * @throws HubError `INVALID_REQUEST` for everything else.
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

/** PostgreSQL keeps no NUL and no lone surrogate in a text. */
function isLike(part: unknown, like: Part | undefined): part is Part {
  if (typeof like === 'number') return Number.isSafeInteger(part);
  return typeof part === 'string' && !part.includes('\0') && part.isWellFormed();
}
