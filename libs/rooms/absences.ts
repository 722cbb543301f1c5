import type { Presence } from '#libs/presence/presence.ts';
import type { AbsenceStore } from '#libs/store/conversation-store.ts';
import { whoIsOnline } from './people.ts';

export interface AbsencesOptions {
  readonly absences: AbsenceStore;
  readonly presence: Pick<Presence, 'sessions'>;
  /** Unix milliseconds. */
  readonly now: () => number;
}

export interface Attendance<P> {
  /** Online now. */
  readonly here: P[];
  /** Away at every look for over a minute. Whoever is neither may just be connecting again. */
  readonly gone: P[];
}

/** Away for longer than this, and one is not waited for any more, milliseconds. */
export const GRACE_MS = 60_000;

/**
 * Tells those who have gone from those who only connect again. What the looks of all processes see is kept together in the store, so that any of them may
 * be the next; where nobody looked for a while, absences begin anew.
 */
export class Absences {
  readonly #options: AbsencesOptions;

  constructor(options: AbsencesOptions) {
    this.#options = options;
  }

  /** One look at these people; to be repeated every second or so. Rejects with `HubError` `UNAVAILABLE`. */
  async look<P extends { readonly id: string }>(people: readonly P[]): Promise<Attendance<P>> {
    if (people.length === 0) return { here: [], gone: [] };
    const { absences, presence, now } = this.#options;
    const here = await whoIsOnline(presence, people);
    const online = new Set(here.map(({ id }) => id));
    const away = people.filter(({ id }) => !online.has(id));
    const at = now();
    const since = await absences.look(
      [...online],
      away.map(({ id }) => id),
      at,
    );
    return { here, gone: away.filter(({ id }) => (since.get(id) ?? at) < at - GRACE_MS) };
  }
}
