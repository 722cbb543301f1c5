/** The row that is open on the admin page: the part of the address behind `#`. */
import { decodedPart, useHash } from '../ui/hash.ts';

/** The states of jobs that a queue can show. */
export const JOB_STATES = ['waiting', 'active', 'delayed', 'failed'] as const;
export type JobState = (typeof JOB_STATES)[number];

/** An open row. */
export type OpenPlace =
  | { readonly is: 'node' | 'room' | 'person'; readonly id: string }
  | { readonly is: 'queue'; readonly id: string; readonly state: JobState };
/** An open row, or none. */
export type AdminPlace = OpenPlace | { readonly is: 'overview' };

const OVERVIEW: AdminPlace = { is: 'overview' };

/**
 * Reads `#/node/<id>`, `#/room/<name>`, `#/person/<id>`, `#/queue/<name>` or
 * `#/queue/<name>/<state>`. Everything else is the overview.
 */
export function adminPlaceOf(hash: string): AdminPlace {
  const [, is, name, state] = /^#\/(node|room|person|queue)\/([^/]+)(?:\/(\w+))?$/.exec(hash) ?? [];
  const id = decodedPart(name ?? '');
  if (id === '') return OVERVIEW;
  if (is === 'queue') return { is, id, state: JOB_STATES.find((known) => known === state) ?? 'waiting' };
  return (is === 'node' || is === 'room' || is === 'person') && state === undefined ? { is, id } : OVERVIEW;
}

/** The address of a place. */
export function adminHrefOf(place: AdminPlace): string {
  switch (place.is) {
    case 'overview':
      return '#/';
    case 'queue':
      return `#/queue/${encodeURIComponent(place.id)}${place.state === 'waiting' ? '' : `/${place.state}`}`;
    default:
      return `#/${place.is}/${encodeURIComponent(place.id)}`;
  }
}

/** The address that the button of the row opens: the first of its places. */
export function rowHrefOf(place: OpenPlace): string {
  return adminHrefOf(place.is === 'queue' ? { ...place, state: 'waiting' } : place);
}

/** Opens a place. The browser's button for "back" leaves it. */
export function goTo(place: AdminPlace): void {
  location.hash = adminHrefOf(place);
}

/** The place of the page's address. Renders again when it changes. */
export function useAdminPlace(): AdminPlace {
  return adminPlaceOf(useHash());
}
