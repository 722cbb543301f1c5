import { Type } from '@sinclair/typebox';
import type { Routes } from './api-parts.ts';
import { asyncApiDocument } from './asyncapi-document.ts';

/** `GET /asyncapi.json` (A14). `version`: the hub's. */
export function asyncApiRoutes(version: string): Routes {
  return (api, { publicUrl }) => {
    const document = JSON.stringify(asyncApiDocument({ version, publicUrl }));
    api.get(
      '/asyncapi.json',
      {
        schema: {
          tags: ['Description'],
          summary: 'The WebSocket side as AsyncAPI 3.0 (A14)',
          response: { 200: Type.Object({}, { additionalProperties: true, description: 'An AsyncAPI document.' }) },
        },
      },
      (_request, reply) => reply.type('application/json').send(document),
    );
  };
}
