import { readFileSync } from 'node:fs';
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import { describe, expect, it } from 'vitest';
import { toClientFrame } from '#libs/protocol/client-frame.ts';
import { ERRORS } from '#libs/protocol/errors.ts';
import { CLIENT_FRAMES, type ClientFrameRow, SERVER_FRAMES } from '#libs/protocol/frames.ts';
import { asyncApiDocument, asyncApiRoutes } from '#services/api/asyncapi-document.ts';
import { ApiWorld, jsonOf } from '#test/support/api-world.ts';

interface Message {
  readonly payload: {
    readonly required: readonly string[];
    readonly properties: Readonly<Record<string, { readonly enum?: readonly string[] }>>;
  };
  readonly examples: readonly { readonly payload: Readonly<Record<string, unknown>> }[];
}

const ajv = new Ajv2020({ strict: false, validateFormats: false });
const SPEC = readFileSync(new URL('../../../SPEC.md', import.meta.url), 'utf8');
const document = asyncApiDocument({ version: '1.2.3', publicUrl: 'https://chat.example' }) as Record<string, Record<string, unknown>>;
const messages = document['components']?.['messages'] as Readonly<Record<string, Message>>;
const validators = new Map<string, ValidateFunction>(Object.entries(messages).map(([name, { payload }]) => [name, ajv.compile(payload)]));

/** Whether a value is what the document says of a message. */
function follows(name: string, value: unknown): boolean {
  return validators.get(name)?.(value) === true;
}

/** Names of the client's messages that a value follows. */
function clientMessages(value: unknown): string[] {
  return Object.keys(CLIENT_FRAMES).filter((name) => follows(`client_${name}`, value));
}

/** What the hub takes beside the examples of the table, and by which message it is described. */
const TAKEN: readonly (readonly [name: keyof typeof CLIENT_FRAMES, frame: object])[] = [
  ['join', { type: 'join', room: 'den' }],
  ['join', { type: 'join', id: '1', room: 'den', since: { epoch: 'e', offset: 4 }, more: true }],
  ['message', { type: 'message', room: 'den', text: '', data: null }],
  ['history', { type: 'history', room: 'den', limit: 100 }],
  ['ping', { type: 'ping' }],
];

/** What the hub refuses: no message describes it either. */
const REFUSED: readonly object[] = [
  { type: 'join' },
  { type: 'join', room: 'a b' },
  { type: 'join', room: 7 },
  { type: 'join', rooms: [] },
  { type: 'join', rooms: [{}] },
  { type: 'join', room: 'a', since: { epoch: 'e', offset: -1 } },
  { type: 'join', room: 'a', id: 'x'.repeat(65) },
  { type: 'leave' },
  { type: 'message', room: 'a' },
  { type: 'message', text: 'x' },
  { type: 'message', to: '', text: 'x' },
  { type: 'message', room: 'a', text: '' },
  { type: 'history', room: 'a', limit: 101 },
  { type: 'history', room: 'a', before: 1.5 },
  { type: 'query', query: 'x' },
  { type: 'delivered', room: 'a' },
  { type: 'refresh' },
  { type: 'nothing' },
];

describe('the frames of the document', () => {
  it('[A14] describe what the hub takes, each by one message, and nothing it refuses', () => {
    const examples = Object.entries<ClientFrameRow>(CLIENT_FRAMES).map(
      ([name, { type = name, example }]) => [name, { type, ...example }] as const,
    );
    for (const [name, frame] of [...examples, ...TAKEN]) {
      expect(toClientFrame(frame).name, JSON.stringify(frame)).toBe(name);
      expect(clientMessages(frame), JSON.stringify(frame)).toEqual([name]);
    }
    for (const frame of REFUSED) {
      expect(() => toClientFrame(frame), JSON.stringify(frame)).toThrow();
      expect(clientMessages(frame), JSON.stringify(frame)).toEqual([]);
    }
  });

  it('[A14] describe the example of each frame of the hub, and none that lacks a member', () => {
    for (const type of Object.keys(SERVER_FRAMES)) {
      const { payload, examples } = messages[`server_${type}`] as Message;
      const [example] = examples.map((one) => one.payload);
      expect(follows(`server_${type}`, example), `${type}: ${JSON.stringify(validators.get(`server_${type}`)?.errors)}`).toBe(true);
      // A schema that takes anything would prove nothing.
      for (const member of payload.required)
        expect(follows(`server_${type}`, { ...example, [member]: undefined }), `${type} without ${member}`).toBe(false);
    }
  });

  it('[A14] know the error codes of answers', () => {
    const replies = Object.entries(ERRORS).flatMap(([code, { reply }]) => (reply ? [code] : []));
    expect(messages['server_error']?.payload.properties['code']?.enum).toEqual(replies);
  });
});

describe('the document', () => {
  it('[A14] is AsyncAPI 3, and every reference in it leads somewhere', () => {
    expect(document).toMatchObject({
      asyncapi: '3.0.0',
      info: { title: 'Parley', version: '1.2.3' },
      servers: { hub: { host: 'chat.example', protocol: 'wss' } },
    });
    const references: string[] = [];
    const walk = (value: unknown): void => {
      if (typeof value !== 'object' || value === null) return;
      for (const [name, member] of Object.entries(value)) {
        if (name === '$ref' && typeof member === 'string') references.push(member);
        else walk(member);
      }
    };
    walk(document);
    expect(references.length).toBeGreaterThan(50);
    for (const reference of references) {
      const parts = reference.replace('#/', '').split('/');
      const found = parts.reduce<unknown>((at, part) => (at as Record<string, unknown> | undefined)?.[part], document);
      expect(found, reference).toBeTypeOf('object');
    }
  });

  it('[A14] has the paths of H1, and an operation for every message of a client', () => {
    const addresses = Object.values(document['channels'] ?? {}).map((channel) => (channel as { address: string }).address);
    expect(addresses).toEqual(['/ws/chat', '/chat/{room}', '/chat/{room}/{token}', '/websocket/{token}']);
    for (const address of addresses) expect(SPEC).toContain(`\`${address}\``);
    const operations = Object.values(document['operations'] ?? {}) as { action: string; messages: { $ref: string }[] }[];
    const received = operations.filter(({ action }) => action === 'receive').flatMap(({ messages }) => messages.map(({ $ref }) => $ref));
    expect(received).toEqual(Object.keys(CLIENT_FRAMES).map((name) => `#/channels/chat/messages/client_${name}`));
  });

  it('[A14] is there for everybody', async () => {
    const api = new ApiWorld({ routes: [asyncApiRoutes('1.2.3')] });
    expect(jsonOf(await api.get('/api/v1/asyncapi.json'))).toEqual(asyncApiDocument({ version: '1.2.3', publicUrl: undefined }));
  });
});
