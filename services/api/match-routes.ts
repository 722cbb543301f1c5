/** Pairs a user with another one who is online (A9). */

import { type Static, Type } from '@sinclair/typebox';
import type { RoomServices } from '#libs/rooms/room-services.ts';
import { authenticated } from './access.ts';
import type { Routes } from './api-parts.ts';
import { errors } from './openapi.ts';
import { requireLimits } from './rate-limits.ts';
import { memberOf, optionalBody, PersonView, RoomName } from './room-schemas.ts';

const Wish = Type.Object(
  { keepHistory: Type.Optional(Type.Boolean({ description: 'Messages are stored if both want it. Off by default.' })) },
  { additionalProperties: false },
);

const Pair = Type.Object(
  {
    room: RoomName,
    with: PersonView,
    expiresAt: Type.Integer({ description: 'The time at which it closes by itself, Unix milliseconds.' }),
  },
  { description: 'My pair. The partner gets the frame `matched`.' },
);

const Waiting = Type.Object(
  { waiting: Type.Literal(true) },
  { description: 'Nobody is free. The frame `matched` arrives with a partner.' },
);

/** Adds `POST` and `DELETE /rooms/match`. */
export function matchRoutes({ matchmaker }: Pick<RoomServices, 'matchmaker'>): Routes {
  return (api, { limits }) => {
    api.post<{ Body: Static<typeof Wish> }>(
      '/rooms/match',
      {
        ...authenticated('pairs'),
        preValidation: optionalBody,
        schema: {
          tags: ['Rooms'],
          summary: 'Find a partner (A9)',
          body: Wish,
          response: { 200: Pair, 202: Waiting, ...errors(403, 429) },
        },
      },
      async ({ user, body }, reply) => {
        await requireLimits(limits, ['matchesPerUser', user.userId]);
        const result = await matchmaker.ask(memberOf(user), body.keepHistory ?? false);
        if (result.state === 'waiting') return reply.status(202).send({ waiting: true });
        return { room: result.room, with: result.with, expiresAt: result.expiresAt };
      },
    );

    api.delete(
      '/rooms/match',
      {
        ...authenticated('pairs'),
        schema: {
          tags: ['Rooms'],
          summary: 'Stop waiting for a partner (A9)',
          description: 'May be repeated. An existing pair stays: `DELETE /rooms/{room}` ends it.',
          response: { 204: Type.Null({ description: 'I am not waiting.' }), ...errors(403, 429) },
        },
      },
      async ({ user }, reply) => {
        await requireLimits(limits, ['matchesPerUser', user.userId]);
        await matchmaker.stop(user.userId);
        return reply.status(204).send();
      },
    );
  };
}
