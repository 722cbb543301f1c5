import { PagedList, pathAfter } from '../list/paged-list.ts';
import type { Conversation, PagedName } from './workbench-view.ts';

type Call = (method: string, path: string) => Promise<unknown>;

interface Listed {
  readonly conversations: readonly Conversation[];
  readonly next?: string;
}

/** The lists of conversations that an agent sees. */
export class ConversationLists {
  readonly #call: Call;
  readonly #mine: string;
  readonly #lists: Readonly<Record<PagedName, PagedList<Conversation>>>;

  /** `agent`: the id of the agent. */
  constructor(call: Call, agent: string) {
    this.#call = call;
    const me = encodeURIComponent(agent);
    this.#mine = `/conversations?state=assigned&agent=${me}`;
    this.#lists = {
      waiting: this.#list('/conversations?state=queued'),
      others: this.#list('/conversations?state=assigned'),
      ended: this.#list(`/conversations?state=closed&agent=${me}`),
    };
  }

  /** Whether a list has more pages than the last `load` read. */
  more(name: PagedName): boolean {
    return this.#lists[name].more;
  }

  /** From the next `load` on, reads one more page of a list. */
  extend(name: PagedName): void {
    this.#lists[name].extend();
  }

  /** Reads all lists and returns each conversation once. Rejects if one of them cannot be read. */
  async load(): Promise<readonly Conversation[]> {
    const { waiting, others, ended } = this.#lists;
    const lists = await Promise.all([waiting.load(), this.#all(this.#mine), others.load(), ended.load()]);
    return [...new Map(lists.flat().map((one) => [one.room, one])).values()];
  }

  #list(path: string): PagedList<Conversation> {
    return new PagedList((after) => this.#read(path, after));
  }

  async #read(path: string, after: string | undefined): Promise<{ items: readonly Conversation[]; next: string | undefined }> {
    const { conversations, next } = (await this.#call('GET', pathAfter(path, after))) as Listed;
    return { items: conversations, next };
  }

  async #all(path: string): Promise<Conversation[]> {
    const all: Conversation[] = [];
    let after: string | undefined;
    do {
      const { items, next } = await this.#read(path, after);
      all.push(...items);
      after = next;
    } while (after !== undefined);
    return all;
  }
}
