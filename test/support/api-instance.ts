import { randomUUID } from 'node:crypto';
import type { FastifyInstance } from 'fastify';
import type { Credentials } from '#libs/auth/credentials.ts';
import { OriginPolicy } from '#libs/auth/origin-policy.ts';
import { type Revocation, RevocationFeed, Revocations, TokenGate } from '#libs/auth/revocations.ts';
import { deriveKey, openTokens } from '#libs/auth/tokens.ts';
import { RecentSetsRedis } from '#libs/redis/recent-sets-redis.ts';
import { RedisLink } from '#libs/redis/redis-link.ts';
import { openStore } from '#libs/store/store-postgres.ts';
import { buildApi } from '#services/api/api.ts';
import type { CodeMail } from '#services/api/api-parts.ts';
import { GuestAddresses } from '#services/api/guest-addresses.ts';
import { LIMITS, type LimitName, type LimitRule, RateLimits } from '#services/api/rate-limits.ts';
import { ServiceCommands } from '#services/api/service-commands.ts';
import { ApiDocument } from './api-document.ts';
import { ApiDoor } from './api-door.ts';
import { listeningLog } from './api-world.ts';
import { JWT_SECRET } from './jwt.ts';

/** Options of `ApiInstance`. */
export interface ApiInstanceOptions {
  readonly databaseUrl: string;
  readonly redisUrl: string;
  /** `JWT_SECRET`. Default: the usual one. */
  readonly secret?: string;
  /** Limits that replace the usual ones. */
  readonly rules?: Partial<Record<LimitName, LimitRule>>;
}

/** An answer with a JSON body. */
export interface JsonAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: Readonly<Record<string, unknown>>;
}

/**
 * One instance of the account API on a real PostgreSQL and a real Redis. It keeps its mail. Every
 * answer is checked against the document.
 */
export class ApiInstance {
  readonly mails: CodeMail[] = [];
  /** The revocations that its gateway would get. */
  readonly sanctions: Revocation[] = [];
  readonly logged: string[] = [];
  readonly #door: ApiDoor;
  readonly #document: ApiDocument;
  readonly #gate: TokenGate;
  readonly #commands: Pick<ServiceCommands, 'ban' | 'unban'>;
  readonly #refresh: () => Promise<void>;
  readonly #end: () => Promise<void>;

  private constructor(
    app: FastifyInstance,
    door: ApiDoor,
    gate: TokenGate,
    { commands, refresh }: { readonly commands: Pick<ServiceCommands, 'ban' | 'unban'>; readonly refresh: () => Promise<void> },
    end: () => Promise<void>,
    kept: Pick<ApiInstance, 'mails' | 'sanctions' | 'logged'>,
  ) {
    this.#door = door;
    this.#document = new ApiDocument(app);
    this.#gate = gate;
    this.#commands = commands;
    this.#refresh = refresh;
    this.#end = end;
    Object.assign(this, kept);
  }

  static async start({ databaseUrl, redisUrl, rules, secret = JWT_SECRET }: ApiInstanceOptions): Promise<ApiInstance> {
    const [mails, sanctions, logged]: [CodeMail[], Revocation[], string[]] = [[], [], []];
    const log = listeningLog(logged);
    const store = await openStore({ url: databaseUrl, timeoutMs: 20_000, log });
    const link = RedisLink.open(redisUrl, { prefix: 'test', log });
    await link.ready(10_000);
    const { verifier, signer } = openTokens({
      jwtSecrets: [secret],
      jwtSigningKey: undefined,
      jwtPublicKeys: [],
      jwtJwksUrl: undefined,
      jwtIssuer: undefined,
      jwtAudience: undefined,
    });
    const revocations = new Revocations();
    const onRevocation = (sanction: Revocation): void => void sanctions.push(sanction);
    const feed = new RevocationFeed({ source: store.revocations, revocations, onRevocation, now: Date.now, log });
    await feed.start();
    const gate = new TokenGate({ verifier, revocations, feed, now: Date.now });
    const addresses = new GuestAddresses({ sets: new RecentSetsRedis(link), key: deriveKey(secret, 'addresses'), now: Date.now, log });
    const none = { push: () => Promise.reject(new Error('no push')), publish: () => Promise.reject(new Error('no publish')) };
    const commands = new ServiceCommands({ store, pusher: none, publisher: none, addresses, now: Date.now });
    const app = buildApi({
      log,
      now: Date.now,
      uuid: randomUUID,
      store,
      sign: (credentials) => signer?.sign(credentials) ?? '',
      verify: (token) => gate.verify(token),
      queueMail: async (mail) => void mails.push(mail),
      assertNotBanned: (...subjects) => gate.assertNotBanned(...subjects),
      addresses,
      limits: new RateLimits({ link, key: deriveKey(JWT_SECRET, 'limits'), log, rules: { ...LIMITS, ...rules } }),
      services: [],
      codeKeys: [deriveKey(secret, 'codes')],
      deviceKeys: [deriveKey(secret, 'known devices')],
      answerKey: deriveKey(secret, 'kept answers'),
      refreshKey: deriveKey(secret, 'refresh secrets'),
      origins: new OriginPolicy({ publicUrl: undefined, allowedOrigins: [], log, steady: Date.now }),
      allowGuests: true,
      allowCustomers: true,
      publicUrl: undefined,
      trustedProxyHops: 1,
      online: async () => 0,
      jwks: undefined,
      version: '0.0.0',
      routes: [],
      page: undefined,
    });
    const door = await ApiDoor.open(app);
    const end = async (): Promise<void> => {
      door.close();
      await app.close();
      await feed.stop();
      await store.close();
      await link.close();
    };
    return new ApiInstance(app, door, gate, { commands, refresh: () => feed.refresh() }, end, { mails, sanctions, logged });
  }

  /**
   * Sends JSON to a path under `/api/v1`.
   *
   * @param from The client's address, as a proxy in front passes it on.
   */
  async post(path: string, body: object, headers: Record<string, string> = {}, from = '127.0.0.1'): Promise<JsonAnswer> {
    const url = `/api/v1${path}`;
    const reply = await this.#door.send({
      method: 'POST',
      url,
      headers: { 'content-type': 'application/json', 'x-forwarded-for': from, ...headers },
      body: JSON.stringify(body),
    });
    this.#document.check('POST', url, reply);
    return { ...reply, body: reply.body.length === 0 ? {} : (JSON.parse(reply.body.toString()) as JsonAnswer['body']) };
  }

  /** Asks for a code by mail and returns it. */
  async code(account: string, from?: string): Promise<string> {
    const { status } = await this.post('/auth/code', { account }, {}, from);
    const code = this.mails.findLast(({ to }) => !account.includes('@') || to?.toLowerCase() === account.toLowerCase())?.code;
    if (status !== 202 || code === undefined) throw new Error(`no code was mailed: ${status}`);
    return code;
  }

  /** Returns a ticket for an address that is not registered. */
  async ticket(account: string, from?: string): Promise<string> {
    const { body } = await this.post('/auth/verify', { account, code: await this.code(account, from) }, {}, from);
    return String(body['registration']);
  }

  /**
   * Registers a user and resolves with `T`.
   *
   * @param from The address that asks for the code.
   */
  async member(name: string, account: string, from?: string): Promise<JsonAnswer['body']> {
    return (await this.post('/auth/register', { registration: await this.ticket(account, from), name })).body;
  }

  /** Returns `good`, or the code with which a token is refused. */
  async verdict(token: unknown): Promise<string> {
    try {
      await this.#gate.verify(String(token));
      return 'good';
    } catch (error) {
      return String((error as { code?: unknown }).code);
    }
  }

  /** Bans a user as a service does. This instance knows it at once, others within 2 s. */
  async ban(user: string, seconds = 3600, reason?: string): Promise<void> {
    await this.#commands.ban({ user, seconds, ...(reason === undefined ? {} : { reason }) });
    await this.#refresh();
  }

  async unban(user: string): Promise<void> {
    await this.#commands.unban({ user });
    await this.#refresh();
  }

  /** Resolves when this instance knows all bans so far. */
  refresh(): Promise<void> {
    return this.#refresh();
  }

  async credentials(token: unknown): Promise<Credentials> {
    return this.#gate.verify(String(token));
  }

  stop(): Promise<void> {
    return this.#end();
  }
}
