import { type Static, Type } from '@sinclair/typebox';
import { isPassword, PASSWORD_MAX } from '#libs/auth/password.ts';
import { HubError } from '#libs/protocol/errors.ts';
import { textKey } from '#libs/store/text-key.ts';
import type { Routes } from './api-parts.ts';
import { clientKey } from './client-key.ts';
import { errors } from './error-schema.ts';
import { requireLimits } from './limits.ts';
import { LoginAnswer, openLogin } from './login.ts';
import { sendLogin } from './refresh-cookie.ts';

const Credentials = Type.Object(
  { username: Type.String({ maxLength: 128 }), password: Type.String({ maxLength: PASSWORD_MAX }) },
  { additionalProperties: false },
);

/** `POST /public/login` (A6): agents. A name nobody has costs the same time and gets the same answer as a wrong password. */
export const agentRoutes: Routes = (api, parts) => {
  const { store, limits } = parts;
  api.post<{ Body: Static<typeof Credentials> }>(
    '/public/login',
    {
      schema: {
        tags: ['Accounts'],
        summary: 'Log in as an agent (A6)',
        body: Credentials,
        response: { 200: LoginAnswer, ...errors(401, 429) },
      },
    },
    async (request, reply) => {
      const username = request.body.username.trim();
      const [name, client] = [textKey(username), clientKey(request)];
      await requireLimits(limits, ['loginPerAddress', client], ['loginPerName', name], ['loginPerNameAndAddress', `${client} ${name}`]);
      const agent = await store.agents.byName(username);
      const right = await isPassword(request.body.password, agent?.passwordHash);
      if (agent === undefined || !right) throw new HubError('LOGIN_FAILED');
      return sendLogin(reply, parts, await openLogin(parts, { id: agent.id, name: agent.name, kind: 'agent' }), 200);
    },
  );
};
