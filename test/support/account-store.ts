import type {
  AgentRecord,
  CustomerRecord,
  FamilyRecord,
  LivingLogin,
  LoginSecrets,
  Sanction,
  Store,
  UserRecord,
} from '#libs/store/store.ts';
import { textKey } from '#libs/store/text-key.ts';

/** One call of a store's method. */
export interface StoreCall {
  /** `users.byName` and the like. */
  readonly method: string;
  readonly args: readonly unknown[];
}

interface Code {
  readonly hash: string;
  readonly expiresAt: number;
  wrong: number;
}

/** The account side of a store, in memory, with every call noted. What it has not, throws. */
export class AccountStore {
  readonly calls: StoreCall[] = [];
  readonly users: UserRecord[] = [];
  readonly agents: AgentRecord[] = [];
  readonly customers: CustomerRecord[] = [];
  readonly sanctions: Sanction[] = [];
  readonly codes = new Map<string, Code>();
  readonly tickets = new Map<string, { readonly mail: string; readonly expiresAt: number }>();
  readonly families = new Map<string, LivingLogin & { revoked: boolean }>();
  /** Every method rejects with it while it is set. */
  failure: Error | undefined;
  readonly store: Store = {
    users: this.#noted('users', {
      create: async (user: UserRecord) => {
        if (this.users.some(({ name }) => textKey(name) === textKey(user.name))) return 'name-taken';
        if (this.users.some(({ mail }) => textKey(mail) === textKey(user.mail))) return 'mail-taken';
        this.users.push(user);
        return 'created';
      },
      byMail: async (mail: string) => this.users.find((user) => textKey(user.mail) === textKey(mail)),
      byName: async (name: string) => this.users.find((user) => textKey(user.name) === textKey(name)),
      byId: async (id: string) => this.users.find((user) => user.id === id),
    }),
    agents: this.#noted('agents', {
      create: async (agent: AgentRecord) => {
        this.agents.push(agent);
        return 'created';
      },
      byName: async (name: string) => this.agents.find((agent) => textKey(agent.name) === textKey(name)),
    }),
    customers: this.#noted('customers', {
      create: async (customer: CustomerRecord) => void this.customers.push(customer),
      byId: async (id: string) => this.customers.find((customer) => customer.id === id),
    }),
    logins: this.#noted('logins', {
      putCode: async (account: string, hash: string, expiresAt: number) => void this.codes.set(account, { hash, expiresAt, wrong: 0 }),
      takeCode: async (account: string, hash: string, now: number) => this.#takeCode(account, hash, now),
      putTicket: async (hash: string, mail: string, expiresAt: number) => void this.tickets.set(hash, { mail, expiresAt }),
      ticket: async (hash: string, now: number) => {
        const ticket = this.tickets.get(hash);
        return ticket && ticket.expiresAt > now ? ticket.mail : undefined;
      },
      dropTicket: async (hash: string) => this.tickets.delete(hash),
      openFamily: async (family: FamilyRecord, hash: string) => {
        const secrets = { id: family.id, generation: 0, hash, earlier: [] };
        this.families.set(family.id, { family, secrets, revoked: false });
      },
      livingLogin: async (id: string, now: number) => this.#living(id, now),
      replaceSecrets: async (before: LoginSecrets, after: Omit<LoginSecrets, 'id'>, now: number) => {
        const login = this.#living(before.id, now);
        if (login === undefined || login.secrets.generation !== before.generation || login.secrets.hash !== before.hash) return false;
        this.families.set(before.id, { ...login, secrets: { id: before.id, ...after } });
        return true;
      },
      revokeFamily: async (id: string) => {
        const login = this.families.get(id);
        if (login) login.revoked = true;
        return login?.family.kind;
      },
    }),
    sanctions: this.#noted('sanctions', {
      add: async (sanction: Omit<Sanction, 'seq'>) => void this.sanctions.push({ ...sanction, seq: this.sanctions.length + 1 }),
      standing: async (now: number) => this.sanctions.filter(({ until }) => until > now),
      since: async (seq: number) => this.sanctions.filter((sanction) => sanction.seq > seq),
    }),
  } as unknown as Store;

  /** Names and forms of the calls: what can be told apart by who listens to their number and size. */
  get shapes(): string[] {
    return this.calls.map(({ method, args }) => `${method}(${args.map((arg) => typeof arg).join(',')})`);
  }

  #takeCode(account: string, hash: string, now: number): 'ok' | 'wrong' {
    const code = this.codes.get(account);
    if (code === undefined || code.expiresAt <= now || code.wrong >= 5) return 'wrong';
    if (code.hash !== hash) {
      code.wrong += 1;
      return 'wrong';
    }
    this.codes.delete(account);
    return 'ok';
  }

  #living(id: string, now: number): (LivingLogin & { revoked: boolean }) | undefined {
    const login = this.families.get(id);
    return login === undefined || login.revoked || login.family.expiresAt <= now ? undefined : login;
  }

  #noted<Methods extends Record<string, (...args: never[]) => unknown>>(aggregate: string, methods: Methods): Methods {
    const entries = Object.entries(methods).map(([name, method]) => [
      name,
      async (...args: never[]) => {
        this.calls.push({ method: `${aggregate}.${name}`, args });
        if (this.failure) throw this.failure;
        return method(...args);
      },
    ]);
    return Object.fromEntries(entries) as Methods;
  }
}
