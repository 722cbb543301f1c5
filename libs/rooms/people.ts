import { setTimeout as delay } from 'node:timers/promises';
import type { Presence } from '#libs/presence/presence.ts';
import { HubError } from '#libs/protocol/errors.ts';
import { may, type Power } from '#libs/protocol/user-kinds.ts';
import type { SeenStore, UserStore } from '#libs/store/account-store.ts';
import type { RoomMember } from '#libs/store/room-store.ts';

export interface PeopleOptions {
  readonly seen: Pick<SeenStore, 'get'>;
  readonly users: Pick<UserStore, 'byIds'>;
  /** Resolves after so many milliseconds. Default the system's timer. */
  readonly wait?: (milliseconds: number) => Promise<unknown>;
}

/** Within this time everybody who came to any node is written down, milliseconds: nodes gather those who come. */
const WRITTEN_MS = 1000;

/** Who an id belongs to: whoever was here once, by whatever token, or has an account. */
export class People {
  readonly #options: PeopleOptions;

  constructor(options: PeopleOptions) {
    this.#options = options;
  }

  /**
   * Each id once, in the order given; whoever came a moment ago is waited for.
   * @throws HubError `USER_NOT_FOUND`, naming the first nobody has; `FORBIDDEN`, naming one whose kind lacks the power (R6).
   */
  async byIds(ids: readonly string[], power: Power): Promise<RoomMember[]> {
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

  /** @throws HubError `FORBIDDEN`, naming one whose kind lacks the power. Ids that nobody has pass. */
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

/** Ids of the hub's own accounts. */
const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** Those of the people who are online now, in the order given. Rejects with `HubError` `UNAVAILABLE`. */
export async function whoIsOnline<P extends { readonly id: string }>(
  presence: Pick<Presence, 'sessions'>,
  people: readonly P[],
): Promise<P[]> {
  if (people.length === 0) return [];
  const sessions = await presence.sessions(people.map(({ id }) => id));
  return people.filter((_, index) => (sessions[index] ?? 0) > 0);
}
