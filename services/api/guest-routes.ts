import { type Static, Type } from '@sinclair/typebox';
import { HubError } from '#libs/protocol/errors.ts';
import type { Routes } from './api-parts.ts';
import { idempotent, newId } from './idempotency.ts';
import { clientKey, requireLimits } from './limits.ts';
import { LoginAnswer, openLogin } from './login.ts';
import { requireUnlike, toPersonName } from './person-name.ts';
import { sendLogin } from './refresh-cookie.ts';
import { errors } from './route-schemas.ts';

const NewGuest = Type.Object({ name: Type.String() }, { additionalProperties: false });

/** `POST /guests` (A7): a login for anybody who tells a name that is no account's and no agent's. Two guests may have the same name; their ids differ. */
export const guestRoutes: Routes = (api, parts) => {
  api.post<{ Body: Static<typeof NewGuest> }>(
    '/guests',
    {
      ...idempotent({}),
      schema: {
        tags: ['Accounts'],
        summary: 'Come in as a guest (A7)',
        description: 'Where `ALLOW_GUESTS` is on.',
        body: NewGuest,
        response: { 201: LoginAnswer, ...errors(403, 409, 429) },
      },
    },
    async (request, reply) => {
      if (!parts.allowGuests) throw new HubError('FORBIDDEN', 'Guests are not let in here: log in.');
      const name = toPersonName(request.body.name);
      await requireLimits(parts.limits, ['guestsPerAddress', clientKey(request)]);
      if (await parts.store.names.isTaken(name)) throw new HubError('NAME_TAKEN');
      await requireUnlike(parts, name);
      return sendLogin(reply, parts, await openLogin(parts, { id: newId(parts, request), name, kind: 'guest' }), 201);
    },
  );
};
