/** Who is in a group (A8). */

import { type Static, Type } from '@sinclair/typebox';
import { ROOM_KINDS } from '#libs/protocol/room-kinds.ts';
import type { RoomServices } from '#libs/rooms/room-services.ts';
import { authenticated } from './access.ts';
import type { Routes } from './api-parts.ts';
import { requireLimits } from './limits.ts';
import { PersonView, RoomPath, UserId } from './room-schemas.ts';
import { errors } from './route-schemas.ts';

const Members = Type.Object(
  { members: Type.Array(UserId, { minItems: 1, maxItems: ROOM_KINDS.group.limits.members, description: 'User ids.' }) },
  { additionalProperties: false },
);

const People = Type.Object({ people: Type.Array(PersonView) }, { description: 'The members from now on.' });

export function memberRoutes({ groups }: Pick<RoomServices, 'groups'>): Routes {
  return (api, { limits }) => {
    api.post<{ Params: RoomPath; Body: Static<typeof Members> }>(
      '/rooms/:room/members',
      {
        ...authenticated(),
        schema: {
          tags: ['Rooms'],
          summary: 'Take people into a group of mine (A8)',
          description: 'Who is in it already is passed over. New members do not get what was stored before.',
          params: RoomPath,
          body: Members,
          response: { 200: People, ...errors(403, 404, 410, 429) },
        },
      },
      async ({ user, params, body }) => {
        await requireLimits(limits, ['roomChangesPerUser', user.userId]);
        return { people: [...(await groups.add(user.userId, params.room, body.members))] };
      },
    );

    api.delete<{ Params: RoomPath; Body: Static<typeof Members> }>(
      '/rooms/:room/members',
      {
        ...authenticated(),
        schema: {
          tags: ['Rooms'],
          summary: 'Take people out of a group of mine, or myself out of any (A8)',
          description: 'The owner deletes the group instead of leaving it.',
          params: RoomPath,
          body: Members,
          response: { 200: People, ...errors(403, 410, 429) },
        },
      },
      async ({ user, params, body }) => {
        await requireLimits(limits, ['roomChangesPerUser', user.userId]);
        return { people: [...(await groups.remove(user.userId, params.room, body.members))] };
      },
    );
  };
}
