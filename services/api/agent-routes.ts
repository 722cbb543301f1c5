import { type Static, Type } from '@sinclair/typebox';
import { isPassword, PASSWORD_MAX } from '#libs/auth/password.ts';
import { HubError } from '#libs/protocol/errors.ts';
import { nameKey } from '#libs/store/name-key.ts';
import type { Routes } from './api-parts.ts';
import { clientKey, requireLimits } from './limits.ts';
import { LoginAnswer, openLogin } from './login.ts';
import { keepDevice, knownDevice } from './login-cookies.ts';
import { sendLogin } from './refresh-cookie.ts';
import { errors } from './route-schemas.ts';

const Credentials = Type.Object(
  { username: Type.String({ maxLength: 128 }), password: Type.String({ maxLength: PASSWORD_MAX }) },
  { additionalProperties: false },
);

/** `POST /public/login` (A6): agents. A name nobody has costs the same time and gets the same answer as a wrong password. */
export const agentRoutes: Routes = (api, parts) => {
  const { store, limits, now } = parts;
  api.post<{ Body: Static<typeof Credentials> }>(
    '/public/login',
    {
      schema: {
        tags: ['Accounts'],
        summary: 'Log in as an agent (A6)',
        description: 'After 20 wrong passwords of a name in 10 minutes only browsers that this agent logged in with go on.',
        body: Credentials,
        response: { 200: LoginAnswer, ...errors(401, 429) },
      },
    },
    async (request, reply) => {
      const username = request.body.username.trim();
      const [name, client] = [`agent:${nameKey(username)}`, clientKey(request)];
      const device = knownDevice(request, parts, name);
      if (device !== undefined) await requireLimits(limits, ['loginPerDevice', device]);
      else await requireLimits(limits, ['loginPerAddress', client], ['loginPerNameAndAddress', `${client} ${name}`]);
      // Before the password is looked at: many at once are counted, too.
      const begun = await store.codes.beginTry(name, device, now());
      if (typeof begun === 'number') throw new HubError('RATE_LIMITED', undefined, { retryAfter: Math.ceil(begun / 1000) });
      const agent = await store.agents.byName(username);
      const right = await isPassword(request.body.password, agent?.passwordHash);
      if (agent === undefined || !right) throw new HubError('LOGIN_FAILED');
      await store.codes.forgiveTry(begun);
      keepDevice(reply, parts, name);
      return sendLogin(reply, parts, await openLogin(parts, { id: agent.id, name: agent.name, kind: 'agent' }), 200);
    },
  );
};
