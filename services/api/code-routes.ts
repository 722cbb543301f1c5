/** Accounts: `POST /auth/code` (A1), `/auth/verify` (A2), `/auth/register` (A3). */
import { type Static, Type } from '@sinclair/typebox';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { HubError } from '#libs/protocol/errors.ts';
import { LANGUAGES } from '#libs/protocol/languages.ts';
import type { UserRecord } from '#libs/store/account-store.ts';
import { textKey } from '#libs/store/name-key.ts';
import {
  ACCOUNT_MAX,
  type AccountName,
  accountKey,
  askerHash,
  codeHash,
  newCode,
  requireUnlike,
  toAccountName,
  toPersonName,
  typedCode,
} from './account-name.ts';
import { MemberError } from './api-error.ts';
import type { ApiParts, Routes } from './api-parts.ts';
import { requireNoBan } from './guest-bans.ts';
import { idempotent, newId } from './idempotency.ts';
import { LoginAnswer, newSecret, openLogin, secretHash } from './login.ts';
import { cookieAttempt, dropAttempt, keepAttempt, keepDevice, knownDevice, sendLogin } from './login-cookies.ts';
import { errors } from './openapi.ts';
import { clientKey, requireLimits } from './rate-limits.ts';

const AccountText = Type.String({ maxLength: ACCOUNT_MAX, description: 'A mail address, or the name of an account.' });
const NewCode = Type.Object(
  {
    account: AccountText,
    language: Type.Optional(
      Type.Union(
        LANGUAGES.map((language) => Type.Literal(language)),
        { description: `The language of the mail. Default: \`${LANGUAGES[0]}\`.` },
      ),
    ),
  },
  { additionalProperties: false },
);
const CodeSent = Type.Object(
  { attempt: Type.String({ description: 'For `POST /auth/verify`. Also set as the cookie `parley_attempt`.' }) },
  { additionalProperties: false, description: 'The answer is the same for known and unknown accounts.' },
);
const Proof = Type.Object(
  {
    account: AccountText,
    code: Type.String({ maxLength: 64, description: 'Upper or lower case.' }),
    attempt: Type.Optional(
      Type.String({
        maxLength: 64,
        description:
          'The code that is meant: `attempt` of the answer to `POST /auth/code`. Default: that of the cookie, otherwise the newest code requested from this address.',
      }),
    ),
  },
  { additionalProperties: false },
);
const Ticket = Type.Object(
  { registration: Type.String({ description: 'For `POST /auth/register`, within 10 minutes.' }) },
  { additionalProperties: false, description: 'The address is verified and has no account yet.' },
);
const NewAccount = Type.Object({ registration: Type.String({ maxLength: 64 }), name: Type.String() }, { additionalProperties: false });

/** Milliseconds for which a code is valid. */
const CODE_MS = 600_000;
/** Milliseconds for which a registration ticket is valid. */
const TICKET_MS = 600_000;

/** Adds the routes of a login by a mailed code. */
export const codeRoutes: Routes = (api, parts) => {
  sendCode(api, parts);
  verifyCode(api, parts);
  register(api, parts);
};

/**
 * `POST /auth/code`. It does the same for known and unknown accounts: it makes a code, stores its
 * hash, queues a mail and gives the same answer. If nobody has the name, the mail has no recipient
 * and the worker drops it.
 */
function sendCode(api: FastifyInstance, parts: ApiParts): void {
  const { store, now, limits, codeKeys, queueMail } = parts;
  const [codeKey] = codeKeys;
  api.post<{ Body: Static<typeof NewCode> }>(
    '/auth/code',
    {
      ...idempotent({}),
      schema: {
        tags: ['Accounts'],
        summary: 'Send a login code by mail (A1)',
        description:
          'Six characters, valid for 10 minutes and five tries. Up to five codes are valid at the same time: a new one does not end the others.',
        body: NewCode,
        response: { 202: CodeSent, ...errors(429) },
      },
    },
    async (request, reply) => {
      const account = accountOf(request.body.account);
      const client = clientKey(request);
      const user = await userOf(parts, account);
      const subject = subjectOf(account, user);
      const device = knownDevice(request, parts, subject);
      if (device !== undefined) await requireLimits(limits, ['codePerDevice', device]);
      else
        await requireLimits(
          limits,
          ['codePerAddress', client],
          ['codePerAccountAndAddress', `${client} ${subject}`],
          ['codePerAccount', subject],
        );
      const [code, attempt, expiresAt] = [newCode(), newSecret(), now() + CODE_MS];
      const asker = device === undefined ? askerHash(codeKey, 'address', client) : askerHash(codeKey, 'device', device);
      await store.codes.put({
        attempt: secretHash(attempt),
        account: subject,
        asker,
        hash: codeHash(codeKey, subject, code),
        expiresAt,
      });
      const { language } = request.body;
      await queueMail({ to: account.by === 'mail' ? account.mail : user?.mail, code, expiresAt, language });
      keepAttempt(reply, parts, attempt);
      return reply.status(202).send({ attempt });
    },
  );
}

function verifyCode(api: FastifyInstance, parts: ApiParts): void {
  const { store, now, limits } = parts;
  api.post<{ Body: Static<typeof Proof> }>(
    '/auth/verify',
    {
      schema: {
        tags: ['Accounts'],
        summary: 'Log in with the code (A2)',
        description:
          'A code works once. The fifth wrong try ends it. After 20 wrong tries for an account in 10 minutes only browsers that the account knows may try.',
        body: Proof,
        response: { 200: Type.Union([LoginAnswer, Ticket]), ...errors(401, 403, 429) },
      },
    },
    async (request, reply) => {
      const account = accountOf(request.body.account);
      const user = await userOf(parts, account);
      const subject = subjectOf(account, user);
      const device = knownDevice(request, parts, subject);
      if (device === undefined) await requireLimits(limits, ['verifyPerAddress', clientKey(request)]);
      else await requireLimits(limits, ['verifyPerDevice', device]);
      const outcome = await redeem(parts, request, subject, device);
      if (typeof outcome === 'number') throw new HubError('RATE_LIMITED', undefined, { retryAfter: Math.ceil(outcome / 1000) });
      if (outcome === 'spent') throw new HubError('CODE_SPENT');
      if (outcome === 'wrong') throw new HubError('CODE_INVALID');
      // Nobody has this name, so nobody received the code: somebody guessed it.
      if (user === undefined && account.by === 'name') throw new HubError('CODE_INVALID');
      dropAttempt(reply, parts);
      if (user !== undefined) {
        keepDevice(reply, parts, subject);
        return sendLogin(reply, parts, await openLogin(parts, { id: user.id, name: user.name, kind: 'user' }), 200);
      }
      const registration = newSecret();
      await store.logins.putTicket(secretHash(registration), account.by === 'mail' ? account.mail : '', now() + TICKET_MS);
      return reply.status(200).send({ registration });
    },
  );
}

/**
 * Uses up the code of a request. Resolves to `ok`, `wrong` or `spent` (too many wrong tries), or to
 * the milliseconds until the next try.
 *
 * The attempt in the cookie may have expired, or be that of another account. Then the code is the
 * newest one that this address or browser asked for.
 */
async function redeem(
  parts: ApiParts,
  request: FastifyRequest<{ Body: Static<typeof Proof> }>,
  account: string,
  device: string | undefined,
): Promise<'ok' | 'wrong' | 'spent' | number> {
  const { store, now, codeKeys } = parts;
  const { code, attempt } = request.body;
  const client = clientKey(request);
  const askers = codeKeys.map((key) => askerHash(key, 'address', client));
  if (device !== undefined) askers.push(...codeKeys.map((key) => askerHash(key, 'device', device)));
  const named = attempt ?? cookieAttempt(request, parts);
  const tried = { account, askers, device, hashes: codeKeys.map((key) => codeHash(key, account, typedCode(code))), now: now() };
  return store.codes.redeem({
    ...tried,
    attempt: named === undefined ? undefined : secretHash(named),
    orNewest: attempt === undefined,
  });
}

function register(api: FastifyInstance, parts: ApiParts): void {
  const { store, now, limits } = parts;
  api.post<{ Body: Static<typeof NewAccount> }>(
    '/auth/register',
    {
      // The key belongs to the ticket: the holder of the ticket owns the answer.
      ...idempotent({}, ({ body }) => `ticket ${secretHash((body as Static<typeof NewAccount>).registration)}`),
      schema: {
        tags: ['Accounts'],
        summary: 'Choose a name for a new account (A3)',
        description:
          'A name is unique regardless of case, blanks and Unicode form, and must not look like that of an agent. If it is taken, the ticket stays valid for another name.',
        body: NewAccount,
        response: { 201: LoginAnswer, ...errors(401, 403, 409, 429) },
      },
    },
    async (request, reply) => {
      const name = toPersonName(request.body.name);
      await requireLimits(limits, ['registerPerAddress', clientKey(request)]);
      const ticket = secretHash(request.body.registration);
      const mail = await store.logins.ticket(ticket, now());
      if (mail === undefined) throw new HubError('CODE_INVALID', 'The registration has expired: request a new code.');
      await requireNoBan(reply, parts, 'login');
      await requireUnlike(parts, name);
      const id = newId(parts, request);
      const keyed = request.headers['idempotency-key'] !== undefined;
      // An earlier run of the same request made the account, and its process died before the
      // answer.
      const again = keyed && (await store.users.byId(id)) !== undefined;
      const outcome = again ? 'created' : await store.users.create({ id, name, mail });
      if (outcome === 'name-taken') throw new HubError('NAME_TAKEN');
      // Until the answer is stored, the same request has to find the ticket. The ticket then
      // expires by itself. It cannot open a second account, because the address has one.
      if (outcome !== 'created' || !keyed) await store.logins.dropTicket(ticket);
      if (outcome === 'mail-taken') throw new HubError('CODE_INVALID', 'This address has an account by now: request a new code.');
      keepDevice(reply, parts, accountKey(textKey(mail)));
      return sendLogin(reply, parts, await openLogin(parts, { id, name, kind: 'user' }), 201);
    },
  );
}

/** Resolves to the user of an account; undefined if there is none. */
function userOf({ store }: ApiParts, account: AccountName): Promise<UserRecord | undefined> {
  return account.by === 'mail' ? store.users.byMail(account.mail) : store.users.byName(account.name);
}

/**
 * Returns one key for the name and the address of an account, so limits and codes are shared
 * between the two.
 */
function subjectOf(account: AccountName, user: UserRecord | undefined): string {
  return accountKey(user === undefined ? account.key : textKey(user.mail));
}

function accountOf(text: string): AccountName {
  const account = toAccountName(text);
  if (account === undefined) throw new MemberError('/account', 'must be a mail address or the name of an account');
  return account;
}
