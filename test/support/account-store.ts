import type { AgentRecord, CustomerRecord, UserRecord } from '#libs/store/account-store.ts';
import type { RevocationRecord } from '#libs/store/event-store.ts';
import type { ActiveLogin, CodeTry, FamilyRecord, LoginSecrets, NewCode } from '#libs/store/login-store.ts';
import { nameKey, textKey } from '#libs/store/name-key.ts';
import type { Store } from '#libs/store/store.ts';

/** A call of a method of the store. */
export interface StoreCall {
  /** The name of the method, such as `users.byName`. */
  readonly method: string;
  readonly args: readonly unknown[];
}

interface Code extends NewCode {
  named: number;
  other: number;
}

/**
 * The account part of a store, in memory. It records every call and throws for methods that it does
 * not have.
 */
export class AccountStore {
  readonly calls: StoreCall[] = [];
  readonly users: UserRecord[] = [];
  readonly agents: AgentRecord[] = [];
  readonly customers: CustomerRecord[] = [];
  readonly revocations: RevocationRecord[] = [];
  codes: Code[] = [];
  /** Wrong tries, by subject. Their windows never end. */
  readonly tries = new Map<string, number>();
  readonly tickets = new Map<string, { readonly mail: string; readonly expiresAt: number }>();
  readonly families = new Map<string, ActiveLogin & { revoked: boolean }>();
  /** While it is set, every method rejects with it. */
  failure: Error | undefined;
  readonly store: Store = {
    users: this.#noted('users', {
      create: async (user: UserRecord) => {
        if ([...this.users, ...this.agents].some(({ name }) => nameKey(name) === nameKey(user.name))) return 'name-taken';
        if (this.users.some(({ mail }) => textKey(mail) === textKey(user.mail))) return 'mail-taken';
        this.users.push(user);
        return 'created';
      },
      byMail: async (mail: string) => this.users.find((user) => textKey(user.mail) === textKey(mail)),
      byName: async (name: string) => this.users.find((user) => nameKey(user.name) === nameKey(name)),
      byId: async (id: string) => this.users.find((user) => user.id === id),
    }),
    agents: this.#noted('agents', {
      create: async (agent: AgentRecord) => {
        this.agents.push(agent);
        return 'created';
      },
      byName: async (name: string) => this.agents.find((agent) => nameKey(agent.name) === nameKey(name)),
    }),
    names: this.#noted('names', {
      isTaken: async (name: string) => [...this.users, ...this.agents].some((one) => nameKey(one.name) === nameKey(name)),
      guarded: async () => this.agents.map(({ name }) => name),
    }),
    customers: this.#noted('customers', {
      create: async (customer: CustomerRecord) => void this.customers.push(customer),
      byId: async (id: string) => this.customers.find((customer) => customer.id === id),
    }),
    logins: this.#noted('logins', {
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
      knowsLogin: async (id: string) => this.families.has(id),
      activeLogin: async (id: string, now: number) => this.#living(id, now),
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
    codes: this.#noted('codes', {
      put: async (code: NewCode) => {
        const mine = this.codes.filter(({ account, asker }) => account === code.account && asker === code.asker);
        const oldest = mine.length < 5 ? undefined : mine[0];
        this.codes = [...this.codes.filter((one) => one !== oldest), { ...code, named: 0, other: 0 }];
      },
      redeem: async (tried: CodeTry) => this.#redeem(tried),
      beginTry: async (account: string, device: string | undefined) => {
        const payer = this.#payer(account, device);
        if (payer === undefined) return 1000;
        this.#count(payer, 1);
        return { payer };
      },
      forgiveTry: async ({ payer }: { readonly payer: string }) => this.#count(payer, -1),
    }),
    revocations: this.#noted('revocations', {
      add: async (revocation: Omit<RevocationRecord, 'seq'>) =>
        void this.revocations.push({ ...revocation, seq: this.revocations.length + 1 }),
      since: async (seq: number) => this.revocations.filter((revocation) => revocation.seq > seq),
    }),
  } as unknown as Store;

  /** Names and forms of the calls: all that their number and size reveal. */
  get shapes(): string[] {
    return this.calls.map(({ method, args }) => `${method}(${args.map((arg) => typeof arg).join(',')})`);
  }

  #redeem({ account, attempt, orNewest, askers, hashes, device, now }: CodeTry): 'ok' | 'wrong' | 'spent' | number {
    const living = this.codes.filter((code) => code.account === account && code.expiresAt > now);
    const named = living.find((code) => code.attempt === attempt);
    const code = named ?? (orNewest ? living.findLast(({ asker }) => askers.includes(asker)) : undefined);
    const way = named === undefined ? 'other' : 'named';
    if (code === undefined) return 'wrong';
    if (code[way] >= 5) return 'spent';
    const payer = this.#payer(account, device);
    if (payer === undefined) return 1000;
    if (hashes.includes(code.hash)) {
      this.codes = this.codes.filter((one) => one !== code);
      return 'ok';
    }
    code[way] += 1;
    this.#count(payer, 1);
    return code[way] < 5 ? 'wrong' : 'spent';
  }

  #payer(account: string, device: string | undefined): string | undefined {
    if ((this.tries.get(account) ?? 0) < 20) return account;
    return device !== undefined && (this.tries.get(`device:${device}`) ?? 0) < 10 ? `device:${device}` : undefined;
  }

  #count(payer: string, tries: number): void {
    this.tries.set(payer, (this.tries.get(payer) ?? 0) + tries);
  }

  #living(id: string, now: number): (ActiveLogin & { revoked: boolean }) | undefined {
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
