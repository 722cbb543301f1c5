/** The port to people: accounts, agents, customers, their names, and when they were last here. */
import type { Person } from '#libs/protocol/frame-types.ts';
import type { ListPage } from './list-page.ts';

/** An account. */
export interface UserRecord {
  /** A UUID. */
  readonly id: string;
  readonly name: string;
  readonly mail: string;
}

/** Accounts of people. */
export interface UserStore {
  /**
   * Names are unique by `nameKey`, across accounts and agents. Mail addresses are unique whatever
   * their case. Returns `name-taken` or `mail-taken` also if another call takes it at the same
   * moment.
   */
  create(user: UserRecord): Promise<'created' | 'name-taken' | 'mail-taken'>;
  byMail(mail: string): Promise<UserRecord | undefined>;
  byName(name: string): Promise<UserRecord | undefined>;
  byId(id: string): Promise<UserRecord | undefined>;
  /** One statement. The records come in no order; an id that nobody has is left out. */
  byIds(ids: readonly string[]): Promise<readonly UserRecord[]>;
}

/** An agent who logs in with a password. */
export interface AgentRecord {
  readonly id: string;
  readonly name: string;
  /** argon2id, in PHC form. */
  readonly passwordHash: string;
}

/** An agent in a list. */
export interface ListedAgent {
  readonly name: string;
  /** Unix milliseconds. */
  readonly createdAt: number;
  /** Unix milliseconds. Undefined if the agent was never online. */
  readonly lastSeen: number | undefined;
  /** Open conversations that the agent has. */
  readonly conversations: number;
}

/** An agent with the number of their open conversations. */
export interface BusyAgent extends Person {
  readonly conversations: number;
}

/** Agents. */
export interface AgentStore {
  create(agent: AgentRecord): Promise<'created' | 'name-taken'>;
  byName(name: string): Promise<AgentRecord | undefined>;
  /** The agents of this hub, sorted by name. */
  list(): Promise<ListedAgent[]>;
  /** Does nothing if there is no such agent. */
  setPassword(id: string, passwordHash: string): Promise<void>;
  /**
   * Removes an agent and frees the name. The agent is no agent of `all` any more, until a gateway
   * sees their socket come or go. Logins and conversations stay as they are. May be repeated.
   */
  remove(id: string): Promise<void>;
  /**
   * Every agent, each id once: the agents of this hub, and users with an agent's token of another
   * issuer (`seen` of kind `agent`).
   */
  all(): Promise<Person[]>;
  /**
   * A page of those of `all`, sorted by the lower-cased name, with their open conversations. Reads
   * every agent, and the conversations of the page's agents.
   */
  page(page: { readonly after?: NamePlace | undefined; readonly limit: number }): Promise<ListPage<BusyAgent, NamePlace>>;
}

/** The names of accounts and agents. A name belongs to one of them. */
export interface NameStore {
  /** Whether an account or an agent has the name, in any spelling (`nameKey`). */
  isTaken(name: string): Promise<boolean>;
  /**
   * The names that a new name must not look like: those of agents, and of services and moderators
   * with a token.
   */
  guarded(): Promise<readonly string[]>;
  /**
   * Enters names that a program of an earlier version gave after the migration. Can be repeated.
   * One statement if there are none.
   */
  enterMissing(): Promise<void>;
}

/** A customer, who talks with agents. */
export interface CustomerRecord {
  readonly id: string;
  readonly name: string;
  readonly channel: string;
  readonly metadata?: Readonly<Record<string, unknown>> | undefined;
}

/** Customers. */
export interface CustomerStore {
  /** Does nothing if there is a customer with this id. */
  create(customer: CustomerRecord): Promise<void>;
  byId(id: string): Promise<CustomerRecord | undefined>;
  /** The channels of these customers. One statement. An id that nobody has is left out. */
  channels(ids: readonly string[]): Promise<ReadonlyMap<string, string>>;
}

/** When a user was here last, with the name and the kind of their last token. */
export interface SeenRecord {
  readonly user: string;
  readonly name: string;
  readonly kind: string;
  readonly lastSeen: number;
}

/** A place in a list of people that is sorted by name. `key` is the lower-cased name. */
export interface NamePlace {
  readonly key: string;
  readonly user: string;
}

/** The users who were here, with any token. */
export interface SeenStore {
  /**
   * Records that a user came or went. Calls of the same moment share a statement. Never rejects:
   * losing a record does no harm.
   */
  touch(record: SeenRecord): void;
  get(users: readonly string[]): Promise<SeenRecord[]>;
  /** The kind of a user, seen or not, as in `Person`. Undefined if the store does not know it. */
  kindOf(user: string): Promise<string | undefined>;
  /**
   * The people whose name begins with `text`, in any case, sorted by the lower-cased name: the
   * exact name comes first. At most `limit`.
   */
  named(text: string, page: { readonly after?: NamePlace | undefined; readonly limit: number }): Promise<ListPage<SeenRecord, NamePlace>>;
}
