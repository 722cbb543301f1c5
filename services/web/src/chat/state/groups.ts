/** Reads and changes groups (A8) over the HTTP API. */

import type { Person } from '#libs/client/index.ts';
import type { ChatAccount } from './chat-client.ts';

/** A group with its members. */
interface GroupDetails {
  readonly room: string;
  readonly name: string;
  readonly people: readonly Person[];
}

/** The calls of the API for groups. Each rejects with an error that has a `code`. */
export class Groups {
  readonly #account: Pick<ChatAccount, 'call'>;

  constructor(account: Pick<ChatAccount, 'call'>) {
    this.#account = account;
  }

  create(name: string, members: readonly string[], keepHistory: boolean): Promise<GroupDetails> {
    return this.#call('POST', '/rooms', { kind: 'group', name, members, keepHistory });
  }

  /** A group with its members. */
  details(room: string): Promise<GroupDetails> {
    return this.#call('GET', pathOf(room));
  }

  add(room: string, members: readonly string[]): Promise<unknown> {
    return this.#call('POST', `${pathOf(room)}/members`, { members });
  }

  /** Removes a person from a group of mine, or myself from any group. */
  remove(room: string, member: string): Promise<unknown> {
    return this.#call('DELETE', `${pathOf(room)}/members`, { members: [member] });
  }

  /** Ends a group for all its members. */
  async end(room: string): Promise<void> {
    await this.#account.call('DELETE', pathOf(room));
  }

  #call(method: string, path: string, body?: object): Promise<GroupDetails> {
    return this.#account.call(method, path, body) as Promise<GroupDetails>;
  }
}

function pathOf(room: string): string {
  return `/rooms/${encodeURIComponent(room)}`;
}
