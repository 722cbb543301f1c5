import { type Static, Type } from '@sinclair/typebox';
import type { Credentials } from '#libs/auth/credentials.ts';
import { tokenHash } from '#libs/auth/revocations.ts';
import { findToken } from '#libs/auth/token-source.ts';
import { HubError } from '#libs/protocol/errors.ts';
import type { ApiParts, Routes } from './api-parts.ts';
import { requireCustomerDoor } from './customer-door.ts';
import { clientKey, requireLimits } from './limits.ts';
import { endLogin, LoginAnswer, loginWithSecret, renewLogin } from './login.ts';
import { clearCookie, cookieOwner, presentedOwner, presentedSecret, sendRenewed } from './refresh-cookie.ts';
import { REFRESH_MAX } from './refresh-secret.ts';
import { errors } from './route-schemas.ts';

const Secret = Type.Union([
  Type.Object(
    {
      refresh: Type.Optional(Type.String({ maxLength: REFRESH_MAX, description: 'Where it is not in the cookie.' })),
      kind: Type.Optional(
        Type.Union([Type.Literal('user'), Type.Literal('agent')], {
          description:
            "Whose cookie is meant, that of a user or guest or that of an agent. Without it the one that is there; of both the user's.",
        }),
      ),
    },
    { additionalProperties: false },
  ),
  Type.Null({ description: 'No body: the cookie has it.' }),
]);

interface SecretBody {
  Body: Static<typeof Secret>;
}

/** A token lasts a little longer than its `exp` says, for clocks that differ. */
const SKEW_MS = 60_000;

/** `POST /auth/refresh`, `POST /auth/logout` (A4). */
export const loginRoutes: Routes = (api, parts) => {
  api.post<SecretBody>(
    '/auth/refresh',
    {
      schema: {
        tags: ['Accounts'],
        summary: 'The next token (A4)',
        description:
          'A refresh secret is replaced by the next one. Until that one is used, and 30 s longer, it is answered with the same next one; later it ends the login.',
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
        throw new HubError('TOKEN_EXPIRED', 'The login is over: log in again.');
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
          'The login of the bearer token, or of the refresh secret. Its tokens are refused and its sockets closed on every node within 2 s. May be repeated.',
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
      // A token that is over ended by itself; beside a secret it adds nothing.
      if (token !== undefined && bearer !== undefined) await endByToken(parts, token, bearer);
      else if (secret === undefined) throw new HubError('TOKEN_EXPIRED');
      await clearCookie(reply, parts, owner, secret, bearer?.login);
      return reply.status(204).send();
    },
  );
};

/** Whoever has a secret of the login, also one that is out of use, may end it. Anything else ends nothing. */
async function endBySecret(parts: ApiParts, secret: string): Promise<void> {
  const login = await loginWithSecret(parts, secret);
  if (login !== undefined) await endLogin(parts, login.id, 'logout');
}

async function endByToken(parts: ApiParts, token: string, { login, expiresAt }: Credentials): Promise<void> {
  if (login !== undefined) return endLogin(parts, login, 'logout', expiresAt * 1000);
  // A token of another issuer belongs to no login of ours: it alone is taken back.
  const at = parts.now();
  await parts.store.revocations.add({ kind: 'token', subject: tokenHash(token), reason: 'logout', at, until: expiresAt * 1000 + SKEW_MS });
}

/** Whose token it is; undefined if it is over, or none. */
async function bearerOf(parts: ApiParts, token: string): Promise<Credentials | undefined> {
  try {
    return await parts.verify(token);
  } catch (error) {
    if (error instanceof HubError && error.code === 'TOKEN_EXPIRED') return undefined;
    throw error;
  }
}
