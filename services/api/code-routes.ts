import { type Static, Type } from '@sinclair/typebox';
import type { FastifyInstance } from 'fastify';
import { HubError } from '#libs/protocol/errors.ts';
import { ACCOUNT_MAX, type Account, CODE_LENGTH, codeHash, newCode, toAccount } from './account.ts';
import { MemberError } from './api-error.ts';
import type { ApiParts, Routes } from './api-parts.ts';
import { clientKey } from './client-key.ts';
import { errors } from './error-schema.ts';
import { requireLimits } from './limits.ts';
import { LoginAnswer, openLogin } from './login.ts';
import { toPersonName } from './person-name.ts';
import { sendLogin } from './refresh-cookie.ts';
import { newSecret, secretHash } from './refresh-secret.ts';

const AccountText = Type.String({ maxLength: ACCOUNT_MAX, description: 'A mail address, or the name of an account.' });
const NewCode = Type.Object({ account: AccountText }, { additionalProperties: false });
const CodeSent = Type.Object({}, { additionalProperties: false, description: 'The same for known and unknown accounts.' });
const Proof = Type.Object({ account: AccountText, code: Type.String({ maxLength: 64 }) }, { additionalProperties: false });
const Ticket = Type.Object(
  { registration: Type.String({ description: 'For `POST /auth/register`, within 10 minutes.' }) },
  { additionalProperties: false, description: 'The address is proven, and has no account yet.' },
);
const NewAccount = Type.Object({ registration: Type.String({ maxLength: 64 }), name: Type.String() }, { additionalProperties: false });

const CODE_MS = 600_000;
const TICKET_MS = 600_000;

/** Login by a mailed code: `POST /auth/code` (A1), `/auth/verify` (A2), `/auth/register` (A3). */
export const codeRoutes: Routes = (api, parts) => {
  sendCode(api, parts);
  verifyCode(api, parts);
  register(api, parts);
};

/**
 * Whether an account exists makes no difference to what is done here: a code is made, hashed and put, a mail is queued, and the answer is the same. Where
 * nobody has the nickname the queued mail has no recipient, and the worker drops it.
 */
function sendCode(api: FastifyInstance, parts: ApiParts): void {
  const { store, clock, limits, codeKey, queueMail } = parts;
  api.post<{ Body: Static<typeof NewCode> }>(
    '/auth/code',
    {
      schema: {
        tags: ['Accounts'],
        summary: 'Have a login code mailed (A1)',
        description: 'Six characters, good for 10 minutes and five tries; a new one replaces the old.',
        body: NewCode,
        response: { 202: CodeSent, ...errors(429) },
      },
    },
    async (request, reply) => {
      const account = accountOf(request.body.account);
      await requireLimits(limits, ['codePerAddress', clientKey(request)], ['codePerAccount', account.key]);
      const to = account.by === 'mail' ? account.mail : (await store.users.byName(account.name))?.mail;
      const code = newCode();
      const expiresAt = clock() + CODE_MS;
      await store.logins.putCode(account.key, codeHash(codeKey, account, code), expiresAt);
      await queueMail({ to, code, expiresAt });
      return reply.status(202).send({});
    },
  );
}

function verifyCode(api: FastifyInstance, parts: ApiParts): void {
  const { store, clock, limits, codeKey } = parts;
  api.post<{ Body: Static<typeof Proof> }>(
    '/auth/verify',
    {
      schema: {
        tags: ['Accounts'],
        summary: 'Log in with the code (A2)',
        description: 'A code works once. The fifth wrong try burns it.',
        body: Proof,
        response: { 200: Type.Union([LoginAnswer, Ticket]), ...errors(401, 429) },
      },
    },
    async (request, reply) => {
      const account = accountOf(request.body.account);
      await requireLimits(limits, ['verifyPerAddress', clientKey(request)], ['verifyPerAccount', account.key]);
      const code = request.body.code.trim();
      const hash = codeHash(codeKey, account, code.length === CODE_LENGTH ? code : '');
      if ((await store.logins.takeCode(account.key, hash, clock())) !== 'ok') throw new HubError('CODE_INVALID');
      const user = account.by === 'mail' ? await store.users.byMail(account.mail) : await store.users.byName(account.name);
      if (user) return sendLogin(reply, parts, await openLogin(parts, { id: user.id, name: user.name, kind: 'user' }), 200);
      // A nickname nobody has: its code was mailed to nobody, so it was guessed.
      if (account.by === 'name') throw new HubError('CODE_INVALID');
      const registration = newSecret();
      await store.logins.putTicket(secretHash(registration), account.mail, clock() + TICKET_MS);
      return reply.status(200).send({ registration });
    },
  );
}

function register(api: FastifyInstance, parts: ApiParts): void {
  const { store, clock, uuid, limits } = parts;
  api.post<{ Body: Static<typeof NewAccount> }>(
    '/auth/register',
    {
      schema: {
        tags: ['Accounts'],
        summary: 'Choose a name for a new account (A3)',
        description: 'Names are unique without regard to case; the ticket stays good until one is free.',
        body: NewAccount,
        response: { 201: LoginAnswer, ...errors(401, 409, 429) },
      },
    },
    async (request, reply) => {
      const name = toPersonName(request.body.name);
      if (name === undefined) throw new HubError('NAME_INVALID');
      await requireLimits(limits, ['registerPerAddress', clientKey(request)]);
      const ticket = secretHash(request.body.registration);
      const mail = await store.logins.ticket(ticket, clock());
      if (mail === undefined) throw new HubError('CODE_INVALID', 'The registration is over: ask for a new code.');
      const id = uuid();
      const outcome = await store.users.create({ id, name, mail });
      if (outcome === 'name-taken') throw new HubError('NAME_TAKEN');
      await store.logins.dropTicket(ticket);
      if (outcome === 'mail-taken') throw new HubError('CODE_INVALID', 'This address was registered meanwhile: ask for a new code.');
      return sendLogin(reply, parts, await openLogin(parts, { id, name, kind: 'user' }), 201);
    },
  );
}

function accountOf(text: string): Account {
  const account = toAccount(text);
  if (account === undefined) throw new MemberError('/account', 'must be a mail address or the name of an account');
  return account;
}
