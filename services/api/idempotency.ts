/** `Idempotency-Key` (A15): a request that makes something may be repeated, and makes it once. */

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

/** Closes a text under a key of 32 bytes (AES-256-GCM), base64url. It opens for the same `purpose` only. */
function sealText(key: Uint8Array, purpose: string, text: string): string {
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv(CIPHER, key, nonce, { authTagLength: TAG_BYTES }).setAAD(Buffer.from(purpose));
  return Buffer.concat([nonce, cipher.update(text), cipher.final(), cipher.getAuthTag()]).toString('base64url');
}

/** Undefined if it was sealed with another key, for another purpose, or changed. */
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

/** On routes without a token: what the answer belongs to beside the key, which somebody else may guess. */
type Owner = (request: FastifyRequest) => string;

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Takes an `Idempotency-Key`. */
    idempotent?: Owner;
  }
}

const KEEP_MS = 86_400_000;
/** How long the answer to a request that is under way is waited for, and how often it is looked for, milliseconds. */
const WAIT_MS = 5000;
const LOOK_MS = 100;
/** How often a claim is renewed, milliseconds: one that was not for 30 s is taken over. */
const RENEW_MS = 10_000;
const UUID_HEX = 32;

/** An answer as it is kept. */
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
 * Options of a guarded route, or of one that is open to all, that makes something: with an `Idempotency-Key` it makes it once in 24 hours. The answer belongs to
 * the user or the service; on a route that is open to all to the client's address, or to what `owner` reads from the request.
 */
export function idempotent<Options extends Partial<Guarded>>(guarded: Options, owner?: Owner) {
  const access = guarded.config?.access;
  const guardedOwner = access?.by === 'service' ? byService : byCaller;
  return { ...guarded, config: { ...guarded.config, idempotent: owner ?? (access === undefined ? byAddress : guardedOwner) } };
}

/** Of the requests that are being answered. */
const claims = new WeakMap<FastifyRequest, Claim>();

type Parts = Pick<ApiParts, 'store' | 'now' | 'uuid' | 'log' | 'answerKey' | 'limits'>;

/** Keeps the answers of the `idempotent` routes that are registered on `api` after this, and gives them again. */
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
    // Whoever needs no token could have the database write without end.
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
      // A refusal makes nothing; a try before this one, whose claim was taken over, may have.
      if (refused && reply.statusCode < 500 && claim.expiresAt === claim.now + KEEP_MS) await store.answers.drop(claim);
      else if (refused) await store.answers.release(claim);
      else await store.answers.keep(claim, sealed(parts, claim.scope, reply, payload));
    } catch (error) {
      // What was made is made: its answer is given, and a repetition after 30 s is a new request.
      log.warn({ err: error, request: request.id }, 'an answer was not kept');
    }
  });
}

/** The id of what a request makes: with an `Idempotency-Key` the same one again, also if the process died before it answered. */
export function newId({ uuid, answerKey }: Pick<ApiParts, 'uuid' | 'answerKey'>, request: FastifyRequest): string {
  const made = ofKey(answerKey, request, 'id');
  if (made === undefined) return uuid();
  const hex = made.toString('hex').slice(0, UUID_HEX);
  return hex.replace(/^(.{8})(.{4}).(.{3}).(.{3})(.{12})$/, '$1-$2-4$3-8$4-$5');
}

/** As `newId`, the name of a room; undefined: without a key it may be any. */
export function newRoom({ answerKey }: Pick<ApiParts, 'answerKey'>, request: FastifyRequest, kind: RandomlyNamedKind): string | undefined {
  const made = ofKey(answerKey, request, 'room');
  return made && roomNameOf(kind, made);
}

/** As `newId`, the id of a message (M2): said again, it is the same one. Undefined without a key. */
export function newMessageId({ answerKey }: Pick<ApiParts, 'answerKey'>, request: FastifyRequest): string | undefined {
  return ofKey(answerKey, request, 'message')?.toString('base64url');
}

/** 32 bytes that follow from the key, its owner, the route, the request, and the day that the key is kept for: later it makes another thing. */
function ofKey(answerKey: Uint8Array, request: FastifyRequest, purpose: string): Buffer | undefined {
  const claim = claims.get(request);
  return claim && macOf(answerKey, [purpose, claim.scope, claim.requestHash, String(claim.expiresAt)]);
}

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
      // The scope is made with the key that seals it: it opens.
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

/** JSON in which the order of members makes no difference. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_name, member: unknown) =>
    typeof member === 'object' && member !== null && !Array.isArray(member)
      ? Object.fromEntries(Object.entries(member).toSorted(([one], [other]) => (one < other ? -1 : 1)))
      : member,
  );
}
