/** What whoever is on call may do (A13): the same as a service (A11), but to speak in rooms. */
import { type Static, Type } from '@sinclair/typebox';
import type { FastifyInstance } from 'fastify';
import { HubError } from '#libs/protocol/errors.ts';
import type { Store } from '#libs/store/store.ts';
import type { Logger } from '#libs/telemetry/logger.ts';
import { UserId } from './room-schemas.ts';
import { Ban, Disconnect, Push, Revoke, ServiceCommands } from './service-commands.ts';
import { Pusher, type PusherOptions } from './service-push.ts';

export interface AdminCommandsParts {
  readonly broker: PusherOptions['broker'];
  readonly store: Pick<Store, 'rooms' | 'revocations' | 'logins'>;
  readonly log: Logger;
  /** Unix milliseconds. */
  readonly now: () => number;
}

const UserPath = Type.Object({ user: UserId });
const mute = { publish: () => Promise.reject(new HubError('FORBIDDEN')) };

/** Each answers 202 `{}` and is logged: who asks why somebody was thrown out finds when, and by which address. */
export function adminCommands(api: FastifyInstance, { broker, store, log, now }: AdminCommandsParts): void {
  const commands = new ServiceCommands({ store, pusher: new Pusher({ broker, rooms: store.rooms }), publisher: mute, now });

  api.addHook('onResponse', async (request, reply) => {
    if (request.method === 'GET' || request.method === 'HEAD' || reply.statusCode !== 202) return;
    const { to, user, seconds } = { ...(request.body as Partial<Noted>), ...(request.params as Partial<Noted>) };
    const action = `${request.method} ${request.routeOptions.url}`;
    log.info({ request: request.id, address: request.ip, action, to, user, seconds }, 'done from the admin page');
  });

  api.post<{ Body: Static<typeof Push> }>('/push', { schema: { body: Push } }, async ({ body }, reply) => {
    await commands.push(body);
    return reply.status(202).send({});
  });

  api.post<{ Body: Static<typeof Disconnect> }>('/disconnect', { schema: { body: Disconnect } }, async ({ body }, reply) => {
    await commands.disconnect(body);
    return reply.status(202).send({});
  });

  api.post<{ Body: Static<typeof Revoke> }>('/revoke', { schema: { body: Revoke } }, async ({ body }, reply) => {
    await commands.revoke(body);
    return reply.status(202).send({});
  });

  api.post<{ Body: Static<typeof Ban> }>('/ban', { schema: { body: Ban } }, async ({ body }, reply) => {
    await commands.ban(body);
    return reply.status(202).send({});
  });

  api.delete<{ Params: Static<typeof UserPath> }>('/ban/:user', { schema: { params: UserPath } }, async ({ params }, reply) => {
    await commands.unban(params);
    return reply.status(202).send({});
  });
}

/** What of a command is logged: ids, never a body. */
interface Noted {
  readonly to: unknown;
  readonly user: string;
  readonly seconds: number;
}
