import type { AgentRecord, CustomerRecord, FamilyRecord, Sanction, Store, UserRecord } from '#libs/store/store.ts';
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
  readonly families = new Map<string, FamilyRecord & { hash: string; revoked: boolean }>();
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
      openFamily: async (family: FamilyRecord, hash: string) => void this.families.set(family.id, { ...family, hash, revoked: false }),
      rotate: async (id: string, oldHash: string, newHash: string, now: number) => this.#rotate(id, oldHash, newHash, now),
      revokeFamily: async (id: string) => {
        const family = this.families.get(id);
        if (family) family.revoked = true;
        return family?.kind;
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

  #rotate(id: string, oldHash: string, newHash: string, now: number): FamilyRecord | 'replayed' | 'unknown' {
    const family = this.families.get(id);
    if (family === undefined || family.revoked || family.expiresAt <= now) return 'unknown';
    if (family.hash !== oldHash) {
      family.revoked = true;
      return 'replayed';
    }
    family.hash = newHash;
    const { hash: _hash, revoked: _revoked, ...record } = family;
    return record;
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
