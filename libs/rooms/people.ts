import { setTimeout as delay } from 'node:timers/promises';
import type { Presence } from '#libs/presence/presence.ts';
import { HubError } from '#libs/protocol/errors.ts';
import type { Person } from '#libs/protocol/frame-types.ts';
import { may, type Power } from '#libs/protocol/user-kinds.ts';
import type { SeenStore, UserStore } from '#libs/store/account-store.ts';
import type { AbsenceStore } from '#libs/store/conversation-store.ts';

/** Dependencies of `People`. */
export interface PeopleOptions {
  readonly seen: Pick<SeenStore, 'get'>;
  readonly users: Pick<UserStore, 'byIds'>;
  /** Resolves after a number of milliseconds. Default the system's timer. */
  readonly wait?: (milliseconds: number) => Promise<unknown>;
}

/** Milliseconds after which a user who came to any node is in the store: nodes write in groups. */
const WRITTEN_MS = 1000;

/**
 * Finds people by id: everybody who was ever here, with any token, and everybody with an account.
 */
export class People {
  readonly #options: PeopleOptions;

  constructor(options: PeopleOptions) {
    this.#options = options;
  }

  /**
   * Returns each person once, in the order given. Waits a second if one is unknown, who may have
   * come a moment ago.
   * @throws HubError `USER_NOT_FOUND`, naming the first unknown id; `FORBIDDEN`, naming a user
   * whose kind lacks the power (R6).
   */
  async byIds(ids: readonly string[], power: Power): Promise<Person[]> {
    const wanted = [...new Set(ids)];
    const known = await this.#known(wanted);
    const unknown = wanted.filter((id) => !known.has(id));
    if (unknown.length > 0) {
      const { wait = (milliseconds) => delay(milliseconds, undefined, { ref: false }) } = this.#options;
      await wait(WRITTEN_MS);
      for (const [id, person] of await this.#known(unknown)) known.set(id, person);
    }
    for (const id of wanted) if (!known.has(id)) throw new HubError('USER_NOT_FOUND', `There is no user ${id}.`);
    requireAll(known, power);
    return wanted.map((id) => ({ id, ...(known.get(id) ?? { name: id }) }));
  }

  /**
   * Ignores ids that nobody has.
   * @throws HubError `FORBIDDEN`, naming a user whose kind lacks the power.
   */
  async requirePower(ids: readonly string[], power: Power): Promise<void> {
    requireAll(await this.#known(ids), power);
  }

  async #known(ids: readonly string[]): Promise<Map<string, Known>> {
    if (ids.length === 0) return new Map();
    const { seen, users } = this.#options;
    const known = new Map((await seen.get(ids)).map(({ user, name, kind }): [string, Known] => [user, { name, kind }]));
    const accounts = ids.filter((id) => !known.has(id) && UUID.test(id));
    if (accounts.length > 0) for (const { id, name } of await users.byIds(accounts)) known.set(id, { name, kind: 'user' });
    return known;
  }
}

function requireAll(known: ReadonlyMap<string, Known>, power: Power): void {
  for (const [id, { kind }] of known)
    if (!may(kind, power)) throw new HubError('FORBIDDEN', `The user ${id} takes part in conversations only.`);
}

interface Known {
  readonly name: string;
  readonly kind: string;
}

/** The ids of the hub's own accounts. */
const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/**
 * Returns the people who are online now, in the order given. Rejects with `HubError` `UNAVAILABLE`.
 */
export async function whoIsOnline<P extends { readonly id: string }>(
  presence: Pick<Presence, 'sessions'>,
  people: readonly P[],
): Promise<P[]> {
  if (people.length === 0) return [];
  const sessions = await presence.sessions(people.map(({ id }) => id));
  return people.filter((_, index) => (sessions[index] ?? 0) > 0);
}

/** Dependencies of `PersonKinds`. */
export interface PersonKindsOptions {
  readonly seen: Pick<SeenStore, 'kindOf'>;
  readonly presence: Pick<Presence, 'sessions'>;
  /** Milliseconds that never go back. Default the system's. */
  readonly steady?: () => number;
  /** Resolves after a number of milliseconds. It must not keep a process alive. */
  readonly wait: (milliseconds: number) => Promise<void>;
}

/**
 * Milliseconds that an answer is kept: a service that publishes often asks once a second for each
 * user.
 */
const CACHED_MS = 1_000;
/**
 * Milliseconds that a caller waits for the store, and milliseconds after a failure in which nobody
 * waits at all.
 */
const ANSWER_MS = 500;
const PAUSE_MS = 5_000;
/**
 * Further look-ups of an unknown user, and the milliseconds between them: they may have connected a
 * moment ago.
 */
const TRIES = 4;
const TRY_MS = 250;
/** Most people whose kind is kept. */
const CACHED_MAX = 1_000;

/** Finds the kind of a user by the id, with a short cache. */
export class PersonKinds {
  readonly #options: PersonKindsOptions;
  readonly #steady: () => number;
  readonly #cache = new Map<string, { readonly at: number; readonly kind: Promise<string | undefined> }>();
  #pausedUntil = 0;

  constructor(options: PersonKindsOptions) {
    this.#options = options;
    this.#steady = options.steady ?? (() => performance.now());
  }

  /**
   * The kind of a user. Undefined if the hub does not know the user, or if a backend is away. Never
   * rejects.
   */
  of(user: string): Promise<string | undefined> {
    const now = this.#steady();
    const known = this.#cache.get(user);
    if (known !== undefined && now - known.at < CACHED_MS) return known.kind;
    if (now < this.#pausedUntil) return Promise.resolve(undefined);
    const kind = this.#ask(user);
    this.#cache.delete(user);
    this.#cache.set(user, { at: now, kind });
    const [oldest] = this.#cache.keys();
    if (this.#cache.size > CACHED_MAX && oldest !== undefined) this.#cache.delete(oldest);
    return kind;
  }

  /**
   * Nodes write connects to the store in groups, so a user who is online may not be there yet. Asks
   * again.
   */
  async #ask(user: string): Promise<string | undefined> {
    const { presence, wait } = this.#options;
    try {
      for (let asked = 1; ; asked += 1) {
        const kind = await this.#kindInTime(user);
        if (kind !== undefined || asked > TRIES) return kind;
        const [sessions = 0] = await presence.sessions([user]);
        if (sessions === 0) return undefined;
        await wait(TRY_MS);
      }
    } catch {
      return undefined;
    }
  }

  /** Asks the store. If it does not answer in time, rejects and begins the pause. */
  async #kindInTime(user: string): Promise<string | undefined> {
    const { seen, wait } = this.#options;
    const late = wait(ANSWER_MS).then(() => {
      throw new HubError('UNAVAILABLE');
    });
    // Nobody waits for it after the answer.
    late.catch(() => undefined);
    try {
      return await Promise.race([seen.kindOf(user), late]);
    } catch (error) {
      this.#pausedUntil = this.#steady() + PAUSE_MS;
      throw error;
    }
  }
}

/** Dependencies of `Absences`. */
export interface AbsencesOptions {
  readonly absences: AbsenceStore;
  readonly presence: Pick<Presence, 'sessions'>;
  /** Unix milliseconds. */
  readonly now: () => number;
}

/** The result of one look. */
export interface Attendance<P> {
  /** The people who are online. */
  readonly here: P[];
  /**
   * The people who were away at every look for over a minute. Anybody in neither list may just be
   * reconnecting.
   */
  readonly gone: P[];
}

/** Milliseconds of absence after which nobody waits for a person any more. */
export const GRACE_MS = 60_000;

/**
 * Tells people who left from people who only reconnect. The store keeps the looks of all processes
 * together, so any process may do the next one. If nobody looked for a while, absences start again.
 */
export class Absences {
  readonly #options: AbsencesOptions;

  constructor(options: AbsencesOptions) {
    this.#options = options;
  }

  /**
   * Looks at these people once. Call it about every second. Rejects with `HubError` `UNAVAILABLE`.
   */
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
