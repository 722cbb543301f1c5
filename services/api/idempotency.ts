/**
 * `Idempotency-Key` (A15): a client may repeat a request that makes something, and the hub makes it
 * once.
 */

import { createCipheriv, createDecipheriv, createHmac, randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { failPoint } from '#libs/config/fail-point.ts';
import { HubError } from '#libs/protocol/errors.ts';
import type { RandomlyNamedKind } from '#libs/protocol/room-kinds.ts';
import { roomNameOf } from '#libs/rooms/room-lifecycle.ts';
import type { Claim } from '#libs/store/login-store.ts';
import type { Guarded } from './access.ts';
import type { ApiParts } from './api-parts.ts';
import { clientKey, requireLimits } from './rate-limits.ts';

const CIPHER = 'aes-256-gcm';
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/**
 * Encrypts a text with a key of 32 bytes (AES-256-GCM, NIST SP 800-38D), base64url. Only `openText`
 * with the same key and `purpose` decrypts it.
 */
function sealText(key: Uint8Array, purpose: string, text: string): string {
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv(CIPHER, key, nonce, { authTagLength: TAG_BYTES }).setAAD(Buffer.from(purpose));
  return Buffer.concat([nonce, cipher.update(text), cipher.final(), cipher.getAuthTag()]).toString('base64url');
}

/**
 * Decrypts a text of `sealText`. Returns undefined if it has another key or purpose, or was
 * changed.
 */
function openText(key: Uint8Array, purpose: string, sealed: string): string | undefined {
  const bytes = Buffer.from(sealed, 'base64url');
  if (bytes.length < NONCE_BYTES + TAG_BYTES) return undefined;
  const decipher = createDecipheriv(CIPHER, key, bytes.subarray(0, NONCE_BYTES), { authTagLength: TAG_BYTES });
  decipher.setAAD(Buffer.from(purpose)).setAuthTag(bytes.subarray(-TAG_BYTES));
  try {
    return Buffer.concat([decipher.update(bytes.subarray(NONCE_BYTES, -TAG_BYTES)), decipher.final()]).toString();
  } catch {
    return undefined;
  }
}

/** Returns the owner of an answer. Somebody else may guess the key, but not the owner. */
type Owner = (request: FastifyRequest) => string;

declare module 'fastify' {
  interface FastifyContextConfig {
    /** If set, the route takes an `Idempotency-Key`. Returns the owner of its answers. */
    idempotent?: Owner;
  }
}

/** Milliseconds for which an answer is stored. */
const KEEP_MS = 86_400_000;
/** Milliseconds to wait for the answer of a request under way, and between two looks for it. */
const WAIT_MS = 5000;
const LOOK_MS = 100;
/**
 * Milliseconds between two renewals of a claim. If a claim is not renewed for 30 s, the same
 * request takes it over.
 */
const RENEW_MS = 10_000;
const UUID_HEX = 32;

/** The stored form of an answer, before encryption. */
interface Kept {
  readonly status: number;
  readonly type: string | undefined;
  readonly cookies: readonly string[];
  readonly body: string;
}

const byCaller: Owner = ({ user }) => `user ${user.kind} ${user.userId}`;
const byService: Owner = ({ service }) => `service ${service}`;
const byAddress: Owner = (request) => `address ${clientKey(request)}`;

/**
 * Returns the options of a route that makes something. With an `Idempotency-Key` it makes it once
 * in 24 hours.
 *
 * The answer belongs to the user or service of a guarded route. On a route that is open to all it
 * belongs to the client's address, or to the result of `owner`.
 */
export function idempotent<Options extends Partial<Guarded>>(guarded: Options, owner?: Owner) {
  const access = guarded.config?.access;
  const guardedOwner = access?.by === 'service' ? byService : byCaller;
  return { ...guarded, config: { ...guarded.config, idempotent: owner ?? (access === undefined ? byAddress : guardedOwner) } };
}

/** The claims of the requests under way. */
const claims = new WeakMap<FastifyRequest, Claim>();

type Parts = Pick<ApiParts, 'store' | 'now' | 'uuid' | 'log' | 'answerKey' | 'limits'>;

/**
 * Stores the answers of the `idempotent` routes that are registered on `api` after this call, and
 * repeats them.
 */
export function keepAnswers(api: FastifyInstance, parts: Parts): void {
  const { store, log, limits } = parts;
  const renewals = new WeakMap<FastifyRequest, NodeJS.Timeout>();

  const claimed = (request: FastifyRequest, claim: Claim): void => {
    claims.set(request, claim);
    const lost = (error: unknown): void => log.warn({ err: error, request: request.id }, 'a claim was not renewed');
    renewals.set(request, setInterval(() => void store.answers.renew(claim).catch(lost), RENEW_MS).unref());
  };

  api.addHook('preHandler', async (request, reply) => {
    const { idempotent: owner, access } = request.routeOptions.config;
    const key = request.headers['idempotency-key'];
    if (owner === undefined || typeof key !== 'string') return;
    // Without this limit, clients without a token could make the database write without end.
    if (access === undefined) await requireLimits(limits, ['keysPerAddress', clientKey(request)]);
    const kept = await claimOrAnswer(parts, request, owner(request), key, (claim) => claimed(request, claim));
    if (kept !== undefined) return again(reply, kept);
  });

  api.addHook('onSend', async (request, reply, payload) => {
    const claim = claims.get(request);
    if (claim === undefined) return;
    claims.delete(request);
    clearInterval(renewals.get(request));
    failPoint('before-answer-kept');
    try {
      const refused = reply.statusCode >= 400;
      // A rejected request made nothing, so its key is free. The exception is a claim that was
      // taken over: the earlier run may have made something.
      if (refused && reply.statusCode < 500 && claim.expiresAt === claim.now + KEEP_MS) await store.answers.drop(claim);
      else if (refused) await store.answers.release(claim);
      else await store.answers.keep(claim, sealed(parts, claim.scope, reply, payload));
    } catch (error) {
      // The work is done, so the client gets its answer. A repetition after 30 s runs again and
      // makes the same thing (`newId`).
      log.warn({ err: error, request: request.id }, 'an answer was not stored');
    }
  });
}

/**
 * Returns the id of the thing that a request makes: a UUID. With an `Idempotency-Key` a repetition
 * gets the same id, even if the first process died before it answered.
 */
export function newId({ uuid, answerKey }: Pick<ApiParts, 'uuid' | 'answerKey'>, request: FastifyRequest): string {
  const made = ofKey(answerKey, request, 'id');
  if (made === undefined) return uuid();
  const hex = made.toString('hex').slice(0, UUID_HEX);
  return hex.replace(/^(.{8})(.{4}).(.{3}).(.{3})(.{12})$/, '$1-$2-4$3-8$4-$5');
}

/** Like `newId`, for the name of a room. Undefined without a key: the name may be any. */
export function newRoom({ answerKey }: Pick<ApiParts, 'answerKey'>, request: FastifyRequest, kind: RandomlyNamedKind): string | undefined {
  const made = ofKey(answerKey, request, 'room');
  return made && roomNameOf(kind, made);
}

/**
 * Like `newId`, for the id of a message (M2): if a service publishes it again, it is the same
 * message. Undefined without a key.
 */
export function newMessageId({ answerKey }: Pick<ApiParts, 'answerKey'>, request: FastifyRequest): string | undefined {
  return ofKey(answerKey, request, 'message')?.toString('base64url');
}

/**
 * Returns 32 bytes derived from the key, its owner, the route, the request, and the end of the 24
 * hours. The end is part of them, so a later request with the same key makes another thing.
 * Undefined without a key.
 */
function ofKey(answerKey: Uint8Array, request: FastifyRequest, purpose: string): Buffer | undefined {
  const claim = claims.get(request);
  return claim && macOf(answerKey, [purpose, claim.scope, claim.requestHash, String(claim.expiresAt)]);
}

/**
 * Claims the key of a request (`claimed` is called), or resolves to the stored answer of an earlier
 * one. Rejects with `HubError` `KEY_REUSED`, `KEY_IN_USE`, `UNAVAILABLE` or `INTERNAL`.
 */
async function claimOrAnswer(
  { store, now, uuid, answerKey }: Parts,
  request: FastifyRequest,
  owner: string,
  key: string,
  claimed: (claim: Claim) => void,
): Promise<Kept | undefined> {
  const scope = scopeOf(answerKey, request, owner, key);
  const hash = requestHash(answerKey, request);
  const until = performance.now() + WAIT_MS;
  for (;;) {
    const at = now();
    const claim = { scope, requestHash: hash, id: uuid(), now: at, expiresAt: at + KEEP_MS };
    const found = await store.answers.claim(claim);
    if (found !== undefined && 'expiresAt' in found) {
      claimed({ ...claim, expiresAt: found.expiresAt });
      return undefined;
    }
    if (found !== undefined && found.requestHash !== hash) throw new HubError('KEY_REUSED');
    if (found?.answer !== undefined) {
      // The scope is derived from the key that encrypts the answer, so the answer can be decrypted.
      const kept = openText(answerKey, scope, found.answer);
      if (kept === undefined) throw new HubError('INTERNAL');
      return JSON.parse(kept) as Kept;
    }
    if (performance.now() >= until) throw new HubError('KEY_IN_USE', undefined, { retryAfter: 1 });
    await delay(LOOK_MS);
  }
}

function again(reply: FastifyReply, { status, type, cookies, body }: Kept): FastifyReply {
  if (cookies.length > 0) reply.header('set-cookie', [...cookies]);
  if (type !== undefined) reply.header('content-type', type);
  return reply.status(status).send(body);
}

function sealed({ answerKey }: Parts, scope: string, reply: FastifyReply, payload: unknown): string {
  const type = reply.getHeader('content-type');
  const kept: Kept = {
    status: reply.statusCode,
    type: type === undefined ? undefined : String(type),
    cookies: [reply.getHeader('set-cookie') ?? []].flat().map(String),
    body: typeof payload === 'string' || Buffer.isBuffer(payload) ? payload.toString() : '',
  };
  return sealText(answerKey, scope, JSON.stringify(kept));
}

function scopeOf(key: Uint8Array, request: FastifyRequest, owner: string, idempotencyKey: string): string {
  return macOf(key, ['scope', owner, request.method, request.routeOptions.url ?? '', idempotencyKey]).toString('base64url');
}

function requestHash(key: Uint8Array, { params, query, body }: FastifyRequest): string {
  return macOf(key, ['request', canonical([params, query, body])]).toString('base64url');
}

function macOf(key: Uint8Array, parts: readonly string[]): Buffer {
  return createHmac('sha256', key).update(JSON.stringify(parts)).digest();
}

/** Returns JSON with sorted members: their order in the request makes no difference. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_name, member: unknown) =>
    typeof member === 'object' && member !== null && !Array.isArray(member)
      ? Object.fromEntries(Object.entries(member).toSorted(([one], [other]) => (one < other ? -1 : 1)))
      : member,
  );
}
