import { Type } from '@sinclair/typebox';
import type { Routes } from './api-parts.ts';

const Online = Type.Object({ count: Type.Integer({ minimum: 0 }) });

/** `GET /online` (A12): distinct users, over all nodes. */
export const onlineRoutes: Routes = (api, { online }) => {
  api.get(
    '/online',
    { schema: { tags: ['Presence'], summary: 'How many people are online (A12)', response: { 200: Online } } },
    async () => ({
      count: await online(),
    }),
  );
};
