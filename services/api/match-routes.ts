/** Pairs a user with another one who waits or may be found (A9). */

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
  { description: 'Nobody else waits or may be found now. The frame `matched` arrives with a partner.' },
);

const Findability = Type.Object(
  {
    pairing: Type.Union([Type.Literal('waiting'), Type.Literal('anyone')], {
      description: 'Who may be paired besides those who wait: those who may be found, or anybody who is online.',
    }),
    findable: Type.Boolean({ description: 'Whether I may be found: paired while I am online, without asking.' }),
  },
  { title: 'Findability', description: 'Who may be paired, and whether I said that I may be found.' },
);

const FindableWish = Type.Object({ findable: Type.Boolean() }, { additionalProperties: false });

/** Adds the routes of `/rooms/match`. */
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

    api.get(
      '/rooms/match',
      {
        ...authenticated('pairs'),
        schema: { tags: ['Rooms'], summary: 'Ask whether I may be found (A9)', response: { 200: Findability, ...errors(403) } },
      },
      ({ user }) => matchmaker.findability(user.userId),
    );

    api.put<{ Body: Static<typeof FindableWish> }>(
      '/rooms/match',
      {
        ...authenticated('pairs'),
        schema: {
          tags: ['Rooms'],
          summary: 'Say whether I may be found (A9)',
          description: 'It holds until I say otherwise. `POST /rooms/match` asks for a partner now.',
          body: FindableWish,
          response: { 200: Findability, ...errors(403, 429) },
        },
      },
      async ({ user, body }) => {
        await requireLimits(limits, ['matchesPerUser', user.userId]);
        return matchmaker.setFindable(user.userId, body.findable);
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
