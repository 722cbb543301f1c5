/** Logins of customers: people who write to a business through its website (A5). */
import { type Static, Type } from '@sinclair/typebox';
import { CHANNEL, type CustomerDoor } from '#libs/config/kinds.ts';
import { HubError } from '#libs/protocol/errors.ts';
import { toPersonName } from './account-name.ts';
import type { ApiParts, Routes } from './api-parts.ts';
import { keepBrowser, requireNoBan } from './guest-bans.ts';
import { idempotent, newId } from './idempotency.ts';
import { endLogin, LoginAnswer, openLogin, REFRESH_MAX, renewLogin } from './login.ts';
import { clearCookie, presentedSecret, sendLogin, sendRenewed } from './login-cookies.ts';
import { errors } from './openapi.ts';
import { clientKey, requireLimits } from './rate-limits.ts';

const Channel = Type.String({ pattern: `^${CHANNEL}$`, description: 'The source of the customer, for example a site.' });

const NewCustomer = Type.Object(
  {
    name: Type.String(),
    channel: Channel,
    metadata: Type.Optional(
      Type.Record(Type.String({ maxLength: 64 }), Type.Unknown(), {
        maxProperties: 32,
        description: 'For the agents; at most 4 KiB of JSON.',
      }),
    ),
  },
  { additionalProperties: false },
);

const CustomerLogin = Type.Composite([Type.Object({ id: Type.String() }), LoginAnswer], {
  title: 'CustomerLogin',
  description: 'A login, and the id of the customer.',
});

const CustomerProof = Type.Object(
  {
    customerId: Type.String({ maxLength: 128 }),
    channel: Channel,
    refresh: Type.Optional(Type.String({ maxLength: REFRESH_MAX, description: 'Needed if there is no cookie.' })),
  },
  { additionalProperties: false },
);

/** Bytes of the metadata as JSON. */
const METADATA_MAX_BYTES = 4096;

/**
 * Adds `POST /customers` and `POST /customers/token` (A5). The hub does not verify the name and
 * metadata that a customer gives.
 */
export const customerRoutes: Routes = (api, parts) => {
  const { store, limits } = parts;

  api.post<{ Body: Static<typeof NewCustomer> }>(
    '/customers',
    {
      ...idempotent({}),
      schema: {
        tags: ['Accounts'],
        summary: 'Create a customer (A5)',
        description: 'The refresh secret lasts a year. Its holder is this customer. It is also set as the cookie `parley_customer`.',
        body: NewCustomer,
        response: { 201: CustomerLogin, ...errors(403, 429) },
      },
    },
    async (request, reply) => {
      const { channel, metadata } = request.body;
      requireOpenDoor(parts.allowCustomers, channel);
      const name = toPersonName(request.body.name);
      if (Buffer.byteLength(JSON.stringify(metadata ?? {})) > METADATA_MAX_BYTES)
        throw new HubError('TOO_LARGE', `The metadata has at most ${METADATA_MAX_BYTES} bytes of JSON.`);
      await requireLimits(limits, ['customersPerAddress', clientKey(request)]);
      await requireNoBan(reply, parts, 'customer');
      const id = newId(parts, request);
      const browser = keepBrowser(reply, parts, 'customer');
      await store.customers.create({ id, name, channel, ...(metadata === undefined ? {} : { metadata }) });
      const { answer, ...login } = await openLogin(parts, { id, name, kind: 'customer' }, browser);
      return sendLogin(reply, parts, { answer: { id, ...answer }, ...login }, 201);
    },
  );

  api.post<{ Body: Static<typeof CustomerProof> }>(
    '/customers/token',
    {
      schema: {
        tags: ['Accounts'],
        summary: 'Renew the login of a customer (A5)',
        description:
          'Needs the refresh secret, in the cookie or the body: an id is not a proof. If a secret is used for another customer or channel, its login ends.',
        body: CustomerProof,
        response: { 200: LoginAnswer, ...errors(401, 403, 429) },
      },
    },
    async (request, reply) => {
      const { customerId, channel, refresh } = request.body;
      requireOpenDoor(parts.allowCustomers, channel);
      await requireLimits(limits, ['refreshPerAddress', clientKey(request)]);
      const secret = presentedSecret(request, refresh, parts, 'customer');
      if (secret === undefined) throw new HubError('MISSING_TOKEN', 'A refresh secret is needed: the cookie, or `refresh`.');
      // This read comes before the secret is used up. If the store fails here, the customer may try
      // again with the same secret.
      const customer = await store.customers.byId(customerId);
      const renewed = await renewLogin(parts, secret);
      const good = renewed?.family.kind === 'customer' && renewed.family.userId === customerId && customer?.channel === channel;
      if (renewed !== undefined && good) return sendRenewed(reply, parts, renewed);
      if (renewed !== undefined) await endLogin(parts, renewed.family.id, 'secret used for another customer');
      await clearCookie(reply, parts, 'customer', secret);
      throw new HubError('TOKEN_EXPIRED', 'The refresh secret has expired, or belongs to another customer.');
    },
  );
};

/** Checks that `ALLOW_CUSTOMERS` lets in customers of the channel. @throws HubError `FORBIDDEN`. */
function requireOpenDoor(door: CustomerDoor, channel: string | undefined): void {
  const open = typeof door === 'boolean' ? door : channel !== undefined && door.includes(channel);
  if (!open) throw new HubError('FORBIDDEN', 'This hub does not admit such customers (ALLOW_CUSTOMERS).');
}

/**
 * Checks that `ALLOW_CUSTOMERS` lets in this customer, given by id. Rejects with `HubError`
 * `FORBIDDEN` or `UNAVAILABLE`.
 */
export async function requireCustomerDoor(
  { store, allowCustomers }: Pick<ApiParts, 'store' | 'allowCustomers'>,
  customer: string,
): Promise<void> {
  if (allowCustomers === true) return;
  requireOpenDoor(allowCustomers, (await store.customers.byId(customer))?.channel);
}
