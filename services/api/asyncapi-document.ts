/** The WebSocket side as an AsyncAPI 3.0 document (A14), generated from the table of frames. */

import { Type } from '@sinclair/typebox';
import { basePath } from '#libs/config/public-url.ts';
import { CLIENT_FRAMES, type ClientFrameRow, SERVER_FRAMES } from '#libs/protocol/frames.ts';
import { FRAME_ID, type Members, optional } from '#libs/protocol/member-types.ts';
import type { Routes } from './api-parts.ts';
import { frameSchema } from './room-schemas.ts';

/** The values of the document that depend on the hub. */
export interface AsyncApiOptions {
  /** The version of the hub. */
  readonly version: string;
  /** `PUBLIC_URL`. If it is undefined, the document names no server. */
  readonly publicUrl: string | undefined;
}

/** The four paths of H1. All have the same frames. */
const CHANNELS = {
  chat: { address: '/ws/chat', description: 'The client joins rooms by frames.', parameters: [] },
  chatRoom: { address: '/chat/{room}', description: 'The connection joins the room at once.', parameters: ['room'] },
  chatRoomToken: {
    address: '/chat/{room}/{token}',
    description: 'The connection joins the room at once. The token is in the path.',
    parameters: ['room', 'token'],
  },
  chatToken: { address: '/websocket/{token}', description: 'As /ws/chat; the token is in the path.', parameters: ['token'] },
} as const;

const PARAMETERS = {
  room: { description: 'The name of a room (R1).' },
  token: { description: 'A token of the HTTP API, or of another issuer that the hub trusts (A12).' },
} as const;

type Json = Readonly<Record<string, unknown>>;

/** Returns the document as a plain object. The caller may keep and send it. */
export function asyncApiDocument({ version, publicUrl }: AsyncApiOptions): Json {
  const server = publicUrl === undefined ? undefined : serverOf(publicUrl);
  return {
    asyncapi: '3.0.0',
    info: {
      title: 'Parley',
      version,
      description: 'The frames of the WebSocket side. Refusals and close codes are in SPEC.md, the HTTP API in openapi.json.',
      license: { name: 'MIT' },
    },
    defaultContentType: 'application/json',
    ...(server === undefined ? {} : { servers: { hub: server } }),
    channels: Object.fromEntries(Object.keys(CHANNELS).map((name) => [name, channel(name as keyof typeof CHANNELS)])),
    operations: operations(),
    components: {
      securitySchemes: {
        bearer: {
          type: 'http',
          scheme: 'bearer',
          bearerFormat: 'JWT',
          description: 'Also as a subprotocol `bearer.<token>`, in the path or as `?token=` (H2).',
        },
      },
      messages: {
        ...messages('client', CLIENT_FRAMES),
        ...messages('server', SERVER_FRAMES),
      },
    },
  };
}

function serverOf(publicUrl: string): Json {
  const { protocol, host } = new URL(publicUrl);
  const pathname = basePath(publicUrl);
  return {
    host,
    ...(pathname === '' ? {} : { pathname }),
    protocol: protocol === 'https:' ? 'wss' : 'ws',
    description: 'The public port. The subprotocol is `parley.v1`.',
    security: [{ $ref: '#/components/securitySchemes/bearer' }],
  };
}

function channel(name: keyof typeof CHANNELS): Json {
  const { address, description, parameters } = CHANNELS[name];
  const ids = [...Object.keys(CLIENT_FRAMES).map((id) => `client_${id}`), ...Object.keys(SERVER_FRAMES).map((id) => `server_${id}`)];
  return {
    address,
    description,
    ...(parameters.length === 0 ? {} : { parameters: Object.fromEntries(parameters.map((one) => [one, PARAMETERS[one]])) }),
    messages: Object.fromEntries(ids.map((id) => [id, { $ref: `#/components/messages/${id}` }])),
    bindings: {
      ws: {
        method: 'GET',
        query: {
          type: 'object',
          properties: {
            token: { type: 'string', description: 'The token, if it is in no other place (H2).' },
            session: { type: 'string', format: 'uuid', description: "The tab's label (H1)." },
            epoch: { type: 'string', description: 'With `offset`: the last position seen in the room of the path (M5).' },
            offset: { type: 'integer', minimum: 0 },
          },
        },
      },
    },
  };
}

/**
 * The operations as the hub sees them, which AsyncAPI 3.0 requires: the hub receives the frames of
 * clients.
 */
function operations(): Json {
  const receive = Object.entries<ClientFrameRow>(CLIENT_FRAMES).map(([name, { summary, answer }]) => [
    `receive_${name}`,
    {
      action: 'receive',
      channel: { $ref: '#/channels/chat' },
      summary,
      messages: [{ $ref: `#/channels/chat/messages/client_${name}` }],
      ...(answer === undefined
        ? {}
        : {
            reply: {
              channel: { $ref: '#/channels/chat' },
              messages: [answer, 'error'].map((reply) => ({ $ref: `#/channels/chat/messages/server_${reply}` })),
            },
          }),
    },
  ]);
  const send = {
    action: 'send',
    channel: { $ref: '#/channels/chat' },
    summary: 'The frames that the hub sends.',
    messages: Object.keys(SERVER_FRAMES).map((id) => ({ $ref: `#/channels/chat/messages/server_${id}` })),
  };
  return { ...Object.fromEntries(receive), send };
}

interface Row {
  readonly type?: string;
  readonly members: Members;
  readonly summary: string;
  readonly detail?: string;
  readonly example: object;
}

function messages(side: 'client' | 'server', rows: Readonly<Record<string, Row>>): Json {
  return Object.fromEntries(
    Object.entries(rows).map(([name, { type = name, members, summary, detail, example }]) => [
      `${side}_${name}`,
      {
        name,
        title: name,
        summary,
        ...(detail === undefined ? {} : { description: detail }),
        contentType: 'application/json',
        payload: frameSchema(type, side === 'client' ? { id: optional(FRAME_ID), ...members } : members),
        ...(side === 'client' || 'id' in members ? { correlationId: { location: '$message.payload#/id' } } : {}),
        examples: [{ payload: { type, ...example } }],
      },
    ]),
  );
}

/** Adds `GET /asyncapi.json` (A14). `version` is that of the hub. */
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
