import type { FastifyInstance } from 'fastify';
import { onTestFinished } from 'vitest';
import type { Credentials } from '#libs/auth/credentials.ts';
import { OriginPolicy } from '#libs/auth/origin-policy.ts';
import { SharedSecret } from '#libs/auth/signing-keys.ts';
import { TokenVerifier } from '#libs/auth/token-verifier.ts';
import { TokenSigner } from '#libs/auth/tokens.ts';
import { framingFault, HeaderLines } from '#libs/http/header-lines.ts';
import type { Logger } from '#libs/telemetry/logger.ts';
import { type ApiOptions, buildApi } from '#services/api/api.ts';
import { type BridgeReply, type BridgeRequest, bridgeTo } from '#services/api/api-bridge.ts';
import type { CodeMail } from '#services/api/api-parts.ts';
import { AccountStore } from './account-store.ts';
import { ApiDocument } from './api-document.ts';

/** The fixed time in a world, Unix milliseconds. */
export const WORLD_NOW = 1_700_000_000_000;

/** A logger that adds its lines to a list. */
export function listeningLog(lines: string[]): Logger {
  const line = (fields: object | string, message?: string): void =>
    void lines.push(message === undefined ? String(fields) : `${message} ${JSON.stringify(fields)}`);
  const log: Logger = { trace: line, debug: line, info: line, warn: line, error: line, fatal: line, child: () => log };
  return log;
}

/** The parts of a request beside method and address. */
export interface WorldRequest {
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Buffer;
  /** The address of the other end of the connection. */
  readonly peer?: string;
}

/**
 * The API with a store in memory and a fixed clock. Every answer is checked against the API's own
 * description.
 */
export class ApiWorld {
  now = WORLD_NOW;
  readonly accounts = new AccountStore();
  readonly mails: CodeMail[] = [];
  readonly logged: string[] = [];
  readonly app: FastifyInstance;
  readonly #bridge: (request: BridgeRequest) => Promise<BridgeReply>;
  readonly #verifier: TokenVerifier;
  #document: ApiDocument | undefined;
  #ids = 0;

  /** Closes itself at the end of the test. */
  constructor({ allowedOrigins = [], ...more }: Partial<ApiOptions> & { readonly allowedOrigins?: readonly string[] } = {}) {
    const now = (): number => this.now;
    const uuid = (): string => `00000000-0000-4000-8000-${String(this.#ids++).padStart(12, '0')}`;
    const secret = new SharedSecret('a secret of thirty-two bytes or more');
    const signer = new TokenSigner({ key: secret, now: now });
    this.#verifier = new TokenVerifier({ secret, now: now });
    const log = listeningLog(this.logged);
    this.app = buildApi({
      log,
      now: now,
      uuid,
      store: this.accounts.store,
      sign: (credentials) => signer.sign(credentials),
      verify: (token) => this.#verifier.verify(token),
      queueMail: async (mail) => void this.mails.push(mail),
      assertNotBanned: () => undefined,
      limits: { take: async () => 0 },
      addresses: { note: async () => undefined, ban: async () => undefined, bannedAt: async () => [] },
      services: [],
      codeKeys: [new Uint8Array(32)],
      deviceKeys: [new Uint8Array(32).fill(3)],
      answerKey: new Uint8Array(32).fill(4),
      refreshKey: new Uint8Array(32).fill(1),
      origins: new OriginPolicy({ publicUrl: more.publicUrl, allowedOrigins, log, steady: now }),
      allowGuests: true,
      allowCustomers: true,
      publicUrl: undefined,
      trustedProxyHops: 0,
      online: async () => 7,
      jwks: undefined,
      version: '1.2.3',
      routes: [],
      page: undefined,
      ...more,
    });
    this.#bridge = bridgeTo(this.app, uuid);
    onTestFinished(() => this.app.close());
  }

  get document(): ApiDocument {
    this.#document ??= new ApiDocument(this.app);
    return this.#document;
  }

  /** Returns the credentials of a token. */
  async credentials(token: unknown): Promise<Credentials> {
    return this.#verifier.verify(String(token));
  }

  async request(
    method: string,
    url: string,
    { headers = {}, body = Buffer.alloc(0), peer = '192.0.2.1' }: WorldRequest = {},
  ): Promise<BridgeReply> {
    await this.app.ready();
    const lines = HeaderLines.fromRaw(Object.entries({ host: 'chat.test', ...headers }).flat());
    const reply = await this.#bridge({
      method,
      url,
      headers: lines,
      body,
      bodyLength: body.length,
      peer,
      fault: framingFault(method, lines),
    });
    this.document.check(method, url, reply);
    return reply;
  }

  get(url: string, headers: Record<string, string> = {}): Promise<BridgeReply> {
    return this.request('GET', url, { headers });
  }

  /** Sends JSON to a path under `/api/v1`. A string is sent unchanged. */
  post(path: string, body: unknown, headers: Record<string, string> = {}, more: WorldRequest = {}): Promise<BridgeReply> {
    const payload = typeof body === 'string' ? body : JSON.stringify(body);
    return this.request('POST', `/api/v1${path}`, {
      headers: { 'content-type': 'application/json', ...headers },
      body: Buffer.from(payload),
      ...more,
    });
  }

  /** Asks for a code by mail and returns it. */
  async code(account: string): Promise<string> {
    await this.post('/auth/code', { account });
    const code = this.mails.at(-1)?.code;
    if (code === undefined) throw new Error('no mail was queued');
    return code;
  }

  /** Registers a user and resolves with `T`. */
  async member(name: string, mail: string): Promise<Record<string, unknown>> {
    const verified = jsonOf(await this.post('/auth/verify', { account: mail, code: await this.code(mail) }));
    return jsonOf(await this.post('/auth/register', { registration: verified['registration'], name }));
  }
}

/** Returns the JSON body of a reply. */
export function jsonOf(reply: BridgeReply): Record<string, unknown> {
  return JSON.parse(reply.body.toString()) as Record<string, unknown>;
}

/**
 * Returns the value of a cookie that an answer sets; '' if the answer deletes it; undefined if the
 * answer does not set it.
 */
export function cookieOf(reply: BridgeReply, name = 'parley_refresh'): string | undefined {
  const set = reply.headers['set-cookie'];
  const text = (Array.isArray(set) ? set : [set ?? '']).find((one) => one.startsWith(`${name}=`));
  return text?.slice(name.length + 1).split(';')[0];
}
