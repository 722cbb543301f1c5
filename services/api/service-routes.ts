/** The routes for services with a key of `API_KEYS` (A11). */

import { type Static, Type } from '@sinclair/typebox';
import type { Presence } from '#libs/presence/presence.ts';
import type { ServicePublisher } from '#libs/rooms/service-publisher.ts';
import { forServices } from './access.ts';
import type { Routes } from './api-parts.ts';
import { idempotent, newMessageId } from './idempotency.ts';
import { errors } from './openapi.ts';
import { UserId } from './room-schemas.ts';
import { BATCH_COMMANDS, type BatchResult, runBatch } from './service-batch.ts';
import {
  Ban,
  Disconnect,
  Publish,
  Published,
  Push,
  Pusher,
  type PusherOptions,
  Revoke,
  ServiceCommands,
  withId,
} from './service-commands.ts';

const TAGS = ['Services'];
const BATCH_MAX = 1000;
/** Bytes of a batch. The gateway of the all-in-one takes no larger body either. */
const BATCH_BODY_MAX_BYTES = 1024 * 1024;

const Done = Type.Object({}, { title: 'Done', additionalProperties: false, description: 'Done.' });
const UserPath = Type.Object({ user: UserId });
const IdPath = Type.Object({ id: UserId });

const Status = Type.Object(
  {
    online: Type.Boolean(),
    sessions: Type.Integer({ description: 'Open connections.' }),
    lastSeen: Type.Union([Type.Integer(), Type.Null()], {
      description: 'The last time the user connected or disconnected, Unix milliseconds; null if never.',
    }),
  },
  { description: 'The presence of a user.' },
);

const Batch = Type.Object(
  {
    commands: Type.Array(Type.Unknown(), {
      minItems: 1,
      maxItems: BATCH_MAX,
      description: `Objects \`{command,...}\`: \`command\` is one of ${Object.keys(BATCH_COMMANDS).join(', ')}, the rest the body of its route (\`unban\` takes \`user\`).`,
    }),
  },
  { additionalProperties: false },
);

const BatchAnswer = Type.Object(
  {
    results: Type.Array(
      Type.Object({
        ok: Type.Boolean(),
        result: Type.Optional(Type.Unknown({ description: 'The body of the route’s answer; absent if that is empty.' })),
        error: Type.Optional(Type.Object({ code: Type.String(), message: Type.String(), retryable: Type.Boolean() })),
      }),
    ),
  },
  { description: 'The result of each command, in their order.' },
);

/** The parts of `serviceRoutes`. */
export interface ServiceRoutesParts {
  readonly broker: PusherOptions['broker'];
  readonly presence: Pick<Presence, 'sessions'>;
  readonly publisher: Pick<ServicePublisher, 'publish'>;
}

/** Adds the routes of A11. */
export function serviceRoutes({ broker, presence, publisher }: ServiceRoutesParts): Routes {
  return (api, parts) => {
    const { store, addresses, now, log } = parts;
    const commands = new ServiceCommands({ store, pusher: new Pusher({ broker, rooms: store.rooms }), publisher, addresses, now });

    api.post<{ Body: Static<typeof Push> }>(
      '/push',
      {
        ...idempotent(forServices()),
        schema: {
          tags: TAGS,
          summary: 'Send a frame to connected users (A11)',
          body: Push,
          response: { 202: Done, ...errors(404, 410) },
        },
      },
      async ({ body }, reply) => {
        await commands.push(body);
        return reply.status(202).send({});
      },
    );

    api.post<{ Body: Static<typeof Publish> }>(
      '/publish',
      {
        ...idempotent(forServices()),
        schema: {
          tags: TAGS,
          summary: 'Publish a message in a room (A11)',
          body: Publish,
          response: { 200: Published, ...errors(404, 410) },
        },
      },
      (request) => commands.publish(request.service, withId(request.body, newMessageId(parts, request))),
    );

    api.post<{ Body: Static<typeof Disconnect> }>(
      '/disconnect',
      {
        ...forServices(),
        schema: {
          tags: TAGS,
          summary: "Close a user's connections (A11)",
          description: 'Closes the connections that are open now, on every node within 2 s, with code 4510 and the reason.',
          body: Disconnect,
          response: { 202: Done },
        },
      },
      async ({ body }, reply) => {
        await commands.disconnect(body);
        return reply.status(202).send({});
      },
    );

    api.post<{ Body: Static<typeof Revoke> }>(
      '/revoke',
      {
        ...forServices(),
        schema: {
          tags: TAGS,
          summary: 'Revoke tokens (A11)',
          description: 'On every node within 2 s.',
          body: Revoke,
          response: { 202: Done },
        },
      },
      async ({ body }, reply) => {
        await commands.revoke(body);
        return reply.status(202).send({});
      },
    );

    api.post<{ Body: Static<typeof Ban> }>(
      '/ban',
      {
        ...forServices(),
        schema: {
          tags: TAGS,
          summary: 'Ban a user for a while (A11)',
          description:
            'On every node within 2 s. The person is told until when and why. The ban of a guest or customer holds for their browser, too, and for an hour for their address, unless five others used it within a day (A17).',
          body: Ban,
          response: { 202: Done },
        },
      },
      async ({ body }, reply) => {
        await commands.ban(body);
        return reply.status(202).send({});
      },
    );

    api.delete<{ Params: Static<typeof UserPath> }>(
      '/ban/:user',
      { ...forServices(), schema: { tags: TAGS, summary: 'Lift a ban (A11)', params: UserPath, response: { 202: Done } } },
      async ({ params }, reply) => {
        await commands.unban(params);
        return reply.status(202).send({});
      },
    );

    api.get<{ Params: Static<typeof IdPath> }>(
      '/users/:id/status',
      { ...forServices(), schema: { tags: TAGS, summary: 'Get the presence of a user (A11)', params: IdPath, response: { 200: Status } } },
      async ({ params: { id } }) => {
        const [[sessions = 0], [seen]] = await Promise.all([presence.sessions([id]), store.seen.get([id])]);
        return { online: sessions > 0, sessions, lastSeen: seen?.lastSeen ?? null };
      },
    );

    api.post<{ Body: Static<typeof Batch>; Reply: { readonly results: BatchResult[] } }>(
      '/batch',
      {
        ...idempotent(forServices()),
        bodyLimit: BATCH_BODY_MAX_BYTES,
        schema: {
          tags: TAGS,
          summary: 'Run many commands (A11)',
          description: 'A command that fails stops no other. Commands on the same room or user run in their order.',
          body: Batch,
          response: { 200: BatchAnswer },
        },
      },
      async (request) => ({
        results: await runBatch(request.body.commands, request, commands, log, newMessageId(parts, request)),
      }),
    );
  };
}
