/** The port to people: accounts, agents, customers, names, and who was here. */
import type { Person } from '#libs/protocol/frame-types.ts';
import type { ListPage } from './list-page.ts';

export interface UserRecord {
  /** A UUID. */
  readonly id: string;
  readonly name: string;
  readonly mail: string;
}

export interface UserStore {
  /** Names are unique by `nameKey`, agents' among them; mail addresses without regard to case. `name-taken` also in a race; `mail-taken` if the address was registered meanwhile. */
  create(user: UserRecord): Promise<'created' | 'name-taken' | 'mail-taken'>;
  byMail(mail: string): Promise<UserRecord | undefined>;
  byName(name: string): Promise<UserRecord | undefined>;
  byId(id: string): Promise<UserRecord | undefined>;
  /** In one statement, in no order; ids that nobody has are absent. */
  byIds(ids: readonly string[]): Promise<readonly UserRecord[]>;
}

export interface AgentRecord {
  readonly id: string;
  readonly name: string;
  /** argon2id, in PHC form. */
  readonly passwordHash: string;
}

export interface AgentStore {
  create(agent: AgentRecord): Promise<'created' | 'name-taken'>;
  byName(name: string): Promise<AgentRecord | undefined>;
  /** Every agent, each id once: those made here, and those who came with an agent's token of another issuer (`seen` of kind `agent`). */
  all(): Promise<Person[]>;
}

/** Names of accounts and agents: each belongs to one. */
export interface NameStore {
  /** Whether an account or an agent has the name, in whatever spelling (`nameKey`). */
  isTaken(name: string): Promise<boolean>;
  /** The names that nobody else's may look like: of agents, and of services and moderators who came with a token. */
  guarded(): Promise<readonly string[]>;
  /** Enters the names that programs of earlier versions gave since the migration. May be repeated; one statement where there are none. */
  enterMissing(): Promise<void>;
}

export interface CustomerRecord {
  readonly id: string;
  readonly name: string;
  readonly channel: string;
  readonly metadata?: Readonly<Record<string, unknown>> | undefined;
}

export interface CustomerStore {
  /** The same id once more changes nothing. */
  create(customer: CustomerRecord): Promise<void>;
  byId(id: string): Promise<CustomerRecord | undefined>;
}

export interface SeenRecord {
  readonly user: string;
  readonly name: string;
  readonly kind: string;
  readonly lastSeen: number;
}

/** A place in a list of people by their names. `key`: the lower-cased name. */
export interface NamePlace {
  readonly key: string;
  readonly user: string;
}

export interface SeenStore {
  /** A user came or went; calls of the same moment go out together. Never rejects: it is a convenience. */
  touch(record: SeenRecord): void;
  get(users: readonly string[]): Promise<SeenRecord[]>;
  /** The kind of a user, seen or not, as in `Person`; undefined if nobody knows. */
  kindOf(user: string): Promise<string | undefined>;
  /** Whose name begins with the text, whatever the case, in the order of the lower-cased names, so that the text itself comes first. At most `limit`. */
  named(text: string, page: { readonly after?: NamePlace | undefined; readonly limit: number }): Promise<ListPage<SeenRecord, NamePlace>>;
}
