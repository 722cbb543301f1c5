import { loadScript, type RedisLink } from './redis-link.ts';

const ADD = loadScript(new URL('./lua/recent-add.lua', import.meta.url));
const MEMBERS = loadScript(new URL('./lua/recent-members.lua', import.meta.url));

/** Sets of the newest members in Redis, one sorted set for each key. */
export class RecentSetsRedis {
  readonly #link: RedisLink;

  constructor(link: RedisLink) {
    this.#link = link;
  }

  /** As `RecentSets.add`. Rejects with `HubError` `UNAVAILABLE`. */
  async add(name: string, subject: string, member: string, until: number, most: number, now: number): Promise<void> {
    await this.#link.run(ADD, [this.#link.keys.recent(name, subject)], [member, until, most, now]);
  }

  /** As `RecentSets.members`. Rejects with `HubError` `UNAVAILABLE`. */
  async members(name: string, subject: string, now: number): Promise<readonly string[]> {
    return (await this.#link.run(MEMBERS, [this.#link.keys.recent(name, subject)], [now])) as string[];
  }
}
