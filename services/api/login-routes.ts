/** Logins of agents and guests (A6, A7), and the routes that renew and end every login (A4). */
import { type Static, Type } from '@sinclair/typebox';
import type { Credentials } from '#libs/auth/credentials.ts';
import { isPassword, PASSWORD_MAX } from '#libs/auth/password.ts';
import { tokenHash } from '#libs/auth/revocations.ts';
import { findToken } from '#libs/auth/token-source.ts';
import { HubError } from '#libs/protocol/errors.ts';
import { nameKey } from '#libs/store/name-key.ts';
import { requireUnlike, toPersonName } from './account-name.ts';
import type { ApiParts, Routes } from './api-parts.ts';
import { requireCustomerDoor } from './customer-routes.ts';
import { keepBrowser, requireNoBan } from './guest-bans.ts';
import { idempotent, newId } from './idempotency.ts';
import { endLogin, LoginAnswer, loginWithSecret, openLogin, REFRESH_MAX, renewLogin } from './login.ts';
import {
  clearCookie,
  cookieOwner,
  keepDevice,
  knownDevice,
  presentedOwner,
  presentedSecret,
  sendLogin,
  sendRenewed,
} from './login-cookies.ts';
import { errors } from './openapi.ts';
import { clientKey, requireLimits } from './rate-limits.ts';

const AgentCredentials = Type.Object(
  { username: Type.String({ maxLength: 128 }), password: Type.String({ maxLength: PASSWORD_MAX }) },
  { additionalProperties: false },
);

/**
 * Adds `POST /public/login` (A6) for agents. An unknown name takes the same time and gets the same
 * answer as a wrong password.
 */
export const agentRoutes: Routes = (api, parts) => {
  const { store, limits, now } = parts;
  api.post<{ Body: Static<typeof AgentCredentials> }>(
    '/public/login',
    {
      schema: {
        tags: ['Accounts'],
        summary: 'Log in as an agent (A6)',
        description: 'After 20 wrong passwords for a name in 10 minutes only browsers in which this agent has logged in may try.',
        body: AgentCredentials,
        response: { 200: LoginAnswer, ...errors(401, 403, 429) },
      },
    },
    async (request, reply) => {
      const username = request.body.username.trim();
      const [name, client] = [`agent:${nameKey(username)}`, clientKey(request)];
      const device = knownDevice(request, parts, name);
      if (device !== undefined) await requireLimits(limits, ['loginPerDevice', device]);
      else await requireLimits(limits, ['loginPerAddress', client], ['loginPerNameAndAddress', `${client} ${name}`]);
      // This comes before the password is compared, so concurrent tries count, too.
      const begun = await store.codes.beginTry(name, device, now());
      if (typeof begun === 'number') throw new HubError('RATE_LIMITED', undefined, { retryAfter: Math.ceil(begun / 1000) });
      const agent = await store.agents.byName(username);
      const right = await isPassword(request.body.password, agent?.passwordHash);
      if (agent === undefined || !right) throw new HubError('LOGIN_FAILED');
      await store.codes.forgiveTry(begun);
      const login = await openLogin(parts, { id: agent.id, name: agent.name, kind: 'agent' });
      // A reset or a removal ends the logins that it sees. This one may have been opened after it.
      if ((await store.agents.byName(username))?.passwordHash !== agent.passwordHash) {
        await endBySecret(parts, login.answer.refresh);
        throw new HubError('LOGIN_FAILED');
      }
      keepDevice(reply, parts, name);
      return sendLogin(reply, parts, login, 200);
    },
  );
};

const NewGuest = Type.Object({ name: Type.String() }, { additionalProperties: false });

/**
 * Adds `POST /guests` (A7): a login for anybody with a name that no account has and that does not
 * look like an agent's. Two guests may have the same name; their ids differ.
 */
export const guestRoutes: Routes = (api, parts) => {
  api.post<{ Body: Static<typeof NewGuest> }>(
    '/guests',
    {
      ...idempotent({}),
      schema: {
        tags: ['Accounts'],
        summary: 'Log in as a guest (A7)',
        description: 'Needs `ALLOW_GUESTS`.',
        body: NewGuest,
        response: { 201: LoginAnswer, ...errors(403, 409, 429) },
      },
    },
    async (request, reply) => {
      if (!parts.allowGuests) throw new HubError('FORBIDDEN', 'This hub does not admit guests: log in.');
      const name = toPersonName(request.body.name);
      await requireLimits(parts.limits, ['guestsPerAddress', clientKey(request)]);
      await requireNoBan(reply, parts, 'login');
      if (await parts.store.names.isTaken(name)) throw new HubError('NAME_TAKEN');
      await requireUnlike(parts, name);
      const browser = keepBrowser(reply, parts, 'login');
      return sendLogin(reply, parts, await openLogin(parts, { id: newId(parts, request), name, kind: 'guest' }, browser), 201);
    },
  );
};

const Secret = Type.Union([
  Type.Object(
    {
      refresh: Type.Optional(Type.String({ maxLength: REFRESH_MAX, description: 'Needed if there is no cookie.' })),
      kind: Type.Optional(
        Type.Union([Type.Literal('user'), Type.Literal('agent')], {
          description:
            'The cookie to use: `user` is that of a user or guest, `agent` that of an agent. Default: the one that is present; of both, that of the user.',
        }),
      ),
    },
    { title: 'RefreshSecret', additionalProperties: false },
  ),
  Type.Null({ description: 'No body: the secret is in the cookie.' }),
]);

interface SecretBody {
  Body: Static<typeof Secret>;
}

/** Milliseconds that a revocation outlasts its token, because clocks differ. */
const SKEW_MS = 60_000;

/** Adds `POST /auth/refresh` and `POST /auth/logout` (A4). */
export const loginRoutes: Routes = (api, parts) => {
  api.post<SecretBody>(
    '/auth/refresh',
    {
      schema: {
        tags: ['Accounts'],
        summary: 'Renew a login (A4)',
        description:
          'Returns the next token and the next refresh secret. Until the next secret is used, and for 30 s after, the old one gets the same next one. Later it ends the login.',
        body: Secret,
        response: { 200: LoginAnswer, ...errors(401, 403, 429) },
      },
    },
    async (request, reply) => {
      await requireLimits(parts.limits, ['refreshPerAddress', clientKey(request)]);
      const owner = presentedOwner(request, parts, request.body?.kind);
      const secret = presentedSecret(request, request.body?.refresh, parts, owner);
      if (secret === undefined) throw new HubError('MISSING_TOKEN', 'A refresh secret is needed: the cookie, or `refresh`.');
      const renewed = await renewLogin(parts, secret);
      if (renewed === undefined) {
        await clearCookie(reply, parts, owner, secret);
        throw new HubError('TOKEN_EXPIRED', 'The login has ended: log in again.');
      }
      if (renewed.family.kind === 'customer') await requireCustomerDoor(parts, renewed.family.userId);
      return sendRenewed(reply, parts, renewed);
    },
  );

  api.post<SecretBody>(
    '/auth/logout',
    {
      schema: {
        tags: ['Accounts'],
        summary: 'End a login (A4)',
        description:
          'Ends the login of the bearer token or of the refresh secret. Within 2 s every node rejects its tokens and closes its sockets. May be repeated.',
        body: Secret,
        response: { 204: Type.Null(), ...errors(401, 403, 429) },
      },
    },
    async (request, reply) => {
      await requireLimits(parts.limits, ['refreshPerAddress', clientKey(request)]);
      const token = findToken({ authorization: request.headers.authorization });
      const bearer = token === undefined ? undefined : await bearerOf(parts, token);
      const owner = bearer === undefined ? presentedOwner(request, parts, request.body?.kind) : cookieOwner(bearer.kind);
      const secret = presentedSecret(request, request.body?.refresh, parts, owner);
      if (secret === undefined && token === undefined) throw new HubError('MISSING_TOKEN', 'A token or a refresh secret is needed.');
      if (secret !== undefined) await endBySecret(parts, secret);
      // An expired token has ended by itself. Beside a secret it adds nothing.
      if (token !== undefined && bearer !== undefined) await endByToken(parts, token, bearer);
      else if (secret === undefined) throw new HubError('TOKEN_EXPIRED');
      await clearCookie(reply, parts, owner, secret, bearer?.login);
      return reply.status(204).send();
    },
  );
};

/**
 * Ends the login of a secret. Any secret of the login is enough, in use or not. Any other text ends
 * nothing.
 */
async function endBySecret(parts: ApiParts, secret: string): Promise<void> {
  const login = await loginWithSecret(parts, secret);
  if (login !== undefined) await endLogin(parts, login.id, 'logout');
}

async function endByToken(parts: ApiParts, token: string, { login, expiresAt }: Credentials): Promise<void> {
  if (login !== undefined) return endLogin(parts, login, 'logout', expiresAt * 1000);
  // A token of another issuer has no login of ours. Only the token is revoked.
  const at = parts.now();
  await parts.store.revocations.add({ kind: 'token', subject: tokenHash(token), reason: 'logout', at, until: expiresAt * 1000 + SKEW_MS });
}

/** Resolves to the credentials of a token; undefined if it is not valid, or its user is banned. */
async function bearerOf(parts: ApiParts, token: string): Promise<Credentials | undefined> {
  try {
    return await parts.verify(token);
  } catch (error) {
    if (error instanceof HubError && (error.code === 'TOKEN_EXPIRED' || error.code === 'BANNED')) return undefined;
    throw error;
  }
}
