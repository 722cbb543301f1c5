import { setTimeout as delay } from 'node:timers/promises';
import { HubError } from '#libs/protocol/errors.ts';
import type { RoomMember, SeenStore, UserStore } from '#libs/store/store.ts';

export interface PeopleOptions {
  readonly seen: Pick<SeenStore, 'get'>;
  readonly users: Pick<UserStore, 'byId'>;
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

  /** Each id once, in the order given; whoever came a moment ago is waited for. @throws HubError `USER_NOT_FOUND`, naming the first nobody has. */
  async byIds(ids: readonly string[]): Promise<RoomMember[]> {
    const wanted = [...new Set(ids)];
    const names = await this.#namesOf(wanted);
    const unknown = wanted.filter((id) => !names.has(id));
    if (unknown.length > 0) {
      const { wait = (milliseconds) => delay(milliseconds, undefined, { ref: false }) } = this.#options;
      await wait(WRITTEN_MS);
      for (const [id, name] of await this.#namesOf(unknown)) names.set(id, name);
    }
    return wanted.map((id) => {
      const name = names.get(id);
      if (name === undefined) throw new HubError('USER_NOT_FOUND', `There is no user ${id}.`);
      return { id, name };
    });
  }

  async #namesOf(ids: readonly string[]): Promise<Map<string, string>> {
    if (ids.length === 0) return new Map();
    const { seen, users } = this.#options;
    const names = new Map((await seen.get(ids)).map(({ user, name }) => [user, name]));
    const accounts = await Promise.all(ids.map((id) => (names.has(id) || !UUID.test(id) ? undefined : users.byId(id))));
    for (const account of accounts) if (account !== undefined) names.set(account.id, account.name);
    return names;
  }
}

/** Ids of the hub's own accounts. */
const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
