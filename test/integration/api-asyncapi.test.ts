import { readFileSync } from 'node:fs';
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { toClientFrame } from '#libs/protocol/client-frame.ts';
import { ERRORS } from '#libs/protocol/errors.ts';
import * as frames from '#libs/protocol/server-frame.ts';
import { asyncApiDocument } from '#services/api/asyncapi-document.ts';
import { CLIENT_FRAMES, SERVER_FRAMES } from '#services/api/asyncapi-frames.ts';
import { RedisServer } from '#test/support/redis-server.ts';
import { RoomStage } from '#test/support/room-stage.ts';

const ajv = new Ajv2020({ strict: false, validateFormats: false });
const validators = new Map<object, ValidateFunction>();
const SPEC = readFileSync(new URL('../../SPEC.md', import.meta.url), 'utf8');

/** Whether a value is what the document says of a message. */
function follows(schema: object, value: unknown): boolean {
  let validate = validators.get(schema);
  if (validate === undefined) {
    validate = ajv.compile(JSON.parse(JSON.stringify(schema)));
    validators.set(schema, validate);
  }
  return validate(value);
}

/** Names of the document's client messages that a value follows. */
function clientMessages(value: unknown): string[] {
  return Object.entries(CLIENT_FRAMES).flatMap(([name, schema]) => (follows(schema, value) ? [name] : []));
}

/** What the hub takes, and by which message it is described. */
const TAKEN: readonly (readonly [name: keyof typeof CLIENT_FRAMES, frame: object])[] = [
  ['join', { type: 'join', room: 'den' }],
  ['join', { type: 'join', id: '1', room: 'den', since: { epoch: 'e', offset: 4 }, more: true }],
  ['join_many', { type: 'join', rooms: [{ room: 'a' }, { room: 'b', since: { epoch: 'e', offset: 0 } }] }],
  ['leave', { type: 'leave', room: 'den' }],
  ['message', { type: 'message', room: 'den', text: 'hi', data: [1] }],
  ['message_session', { type: 'message', sessionId: 'conv:x', text: 'hi' }],
  ['message_direct', { type: 'message', to: 'bob', text: 'hi' }],
  ['history', { type: 'history', room: 'den', before: 7, limit: 100 }],
  ['presence', { type: 'presence', room: 'den' }],
  ['query', { type: 'query', query: 'onLineNumber' }],
  ['delivered', { type: 'delivered', room: 'den', offset: 3 }],
  ['typing', { type: 'typing', room: 'den' }],
  ['refresh', { type: 'refresh', token: 'x' }],
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
  { type: 'history', room: 'a', limit: 101 },
  { type: 'history', room: 'a', before: 1.5 },
  { type: 'query', query: 'x' },
  { type: 'delivered', room: 'a' },
  { type: 'refresh' },
  { type: 'nothing' },
];

const SENDER = '{"id":"ann","name":"Ann"}';
const AT = 1_700_000_000_000;
const HEAD = { room: 'den', epoch: 'e', offset: 3, recovered: true };
const MESSAGE = `{"offset":3,${frames.messageTail('den', 'm', SENDER, 'hi', '{"x":1}', AT)}`;
const ITEM = `{"offset":3,${MESSAGE.slice(frames.messageStart('den', 3))}`;

/** What the builders of `server-frame.ts` make. Those that make a part of a frame stand in the frame. */
const BUILT: Readonly<Record<keyof typeof SERVER_FRAMES, readonly string[]>> = {
  welcome: [
    frames.welcome({
      session: 's',
      user: { id: 'ann', name: 'Ann', kind: 'user' },
      node: 'n',
      online: 1,
      heartbeat: 20,
      expiresAt: 9,
      limits: { messageChars: 200, frameBytes: 1, rooms: 1 },
    }),
  ],
  joined: [`${frames.joinedHead('1', 4, HEAD)}${ITEM}${frames.joinedEnd(true)}`, frames.joinedLive(undefined, 'live:x', 2)],
  left: [frames.left('1', 'den')],
  ack: [frames.ack('1', 'den', 'm', 3, AT), frames.ack(undefined, 'live:x', 'm', undefined, AT)],
  history: [`${frames.historyHead('1', 'den')}${ITEM}${frames.joinedEnd(false)}`],
  presence: [frames.presenceFrame('1', 'den', 1, [{ id: 'ann', name: 'Ann' }])],
  message: [MESSAGE, frames.liveMessage('live:x', 'm', SENDER, 'hi', undefined, AT)],
  offline_message: [frames.offlineMessage('den', 3, frames.messageMember('m', SENDER, 'hi', undefined, AT))],
  offline_messages_complete: [frames.offlineMessagesComplete(4)],
  online: [frames.online(3), frames.online(3, '1')],
  room_online: [frames.roomOnline('den', 3)],
  member: [frames.member('den', 'joined', SENDER), frames.member('den', 'left', SENDER)],
  matched: [frames.matched('pair:x', { id: 'bob', name: 'Bob' })],
  resync: [`${frames.resyncHead({ ...HEAD, recovered: false })}${ITEM}]}`],
  room_closed: [frames.roomClosed('pair:x', 'expired'), frames.roomClosed('pair:x', 'closed')],
  typing: [frames.typing('den', SENDER)],
  inform: [frames.inform(undefined, { a: 1 }), frames.inform('c', null)],
  command: [frames.command('c', 'x')],
  token_expiring: [frames.tokenExpiring(9)],
  kicked: [frames.kicked('SESSION_REPLACED'), frames.kicked('DISCONNECTED', 'shop')],
  draining: [frames.draining(1.5)],
  refreshed: [frames.refreshed('1', 9)],
  pong: [frames.pong(undefined, AT)],
  error: [frames.errorFrame('1', 'RATE_LIMITED', 'slow down', true, 2), frames.errorFrame(undefined, 'FORBIDDEN', 'no', false)],
};

/** Makes parts of frames, or reads them: not one by itself. */
const PARTS = new Set([
  'messageTail',
  'messageStart',
  'publishedAt',
  'messageHeadOf',
  'joinedHead',
  'joinedEnd',
  'resyncHead',
  'historyHead',
]);

/** Members of a frame's notation in SPEC.md, at its outermost level: `ack {room,message:{id}}` has `room` and `message`. */
function membersOf(notation: string): string[] {
  const names: string[] = [];
  let depth = 0;
  for (const [token, name] of notation.matchAll(/[{}[\]]|(?<=[{,])([A-Za-z]+)(?=\??[:,}])/g)) {
    if (token === '{' || token === '[') depth++;
    else if (token === '}' || token === ']') depth--;
    else if (depth === 1 && name !== undefined) names.push(name);
  }
  return names;
}

/** Rows of the table of SPEC.md that begins so: each frame's notation, by cell. */
function table(head: string): string[][] {
  const lines = SPEC.split('\n');
  const start = lines.findIndex((line) => line.startsWith(head));
  expect(start, head).toBeGreaterThan(0);
  const end = lines.findIndex((line, index) => index > start && !line.startsWith('|'));
  return lines.slice(start + 2, end).map((line) => line.split(/(?<!\\)\|/).map((cell) => cell.trim()));
}

/** Frames named in a cell: name and notation. */
function framesIn(cell: string): { readonly type: string; readonly members: readonly string[] }[] {
  return [...cell.matchAll(/`([a-z_]+)(?: (\{[^`]*\}))?`/g)].map(([, type = '', notation = '']) => ({
    type,
    members: membersOf(notation),
  }));
}

describe('the frames of the document', () => {
  it('[A14] describe what the hub takes, each by one message, and nothing it refuses', () => {
    for (const [name, frame] of TAKEN) {
      expect(() => toClientFrame(frame), JSON.stringify(frame)).not.toThrow();
      expect(clientMessages(frame), JSON.stringify(frame)).toEqual([name]);
    }
    expect(new Set(TAKEN.map(([name]) => name))).toEqual(new Set(Object.keys(CLIENT_FRAMES)));
    for (const frame of REFUSED) {
      expect(() => toClientFrame(frame), JSON.stringify(frame)).toThrow();
      expect(clientMessages(frame), JSON.stringify(frame)).toEqual([]);
    }
  });

  it('[A14] describe every frame the hub builds, with every member it has', () => {
    for (const [name, built] of Object.entries(BUILT)) {
      const schema = SERVER_FRAMES[name as keyof typeof SERVER_FRAMES];
      for (const text of built) {
        const frame: Record<string, unknown> = JSON.parse(text);
        expect(frame['type']).toBe(name);
        expect(follows(schema, frame), `${name}: ${JSON.stringify(validators.get(schema)?.errors)} ${JSON.stringify(frame)}`).toBe(true);
        expect(Object.keys(schema.properties), name).toEqual(expect.arrayContaining(Object.keys(frame)));
      }
      // A schema that takes anything would prove nothing.
      const { type } = JSON.parse(built[0] ?? '') as { type: string };
      const required = (schema.required ?? []).filter((member) => member !== 'type');
      for (const member of required) {
        const whole: Record<string, unknown> = JSON.parse(built[0] ?? '');
        delete whole[member];
        expect(follows(schema, { ...whole, type }), `${name} without ${member}`).toBe(false);
      }
    }
  });

  it('[A14] leave out no builder of frames', () => {
    const source = readFileSync(new URL(import.meta.url), 'utf8');
    const builders = Object.entries(frames).flatMap(([name, value]) => (typeof value === 'function' ? [name] : []));
    const unused = builders.filter((name) => !PARTS.has(name) && !source.includes(`frames.${name}(`));
    expect(unused).toEqual([]);
  });

  it('[A14] are those of the tables in SPEC.md, both ways, with their members', () => {
    const sent = table('| a client sends').flatMap(([, cell = '']) => framesIn(cell));
    const types = (all: Readonly<Record<string, { readonly properties: { readonly type: { readonly const: string } } }>>) =>
      new Set(Object.values(all).map(({ properties }) => properties.type.const));
    expect(new Set(sent.map(({ type }) => type))).toEqual(types(CLIENT_FRAMES as never));
    const answers = table('| a client sends').flatMap(([, , cell = '']) => framesIn(cell));
    const pushed = table('| the server sends').flatMap(([, cell = '']) => framesIn(cell));
    const told = new Set([...answers, ...pushed].map(({ type }) => type));
    expect(new Set([...told, 'welcome'])).toEqual(types(SERVER_FRAMES as never));
    for (const { type, members } of [...answers, ...pushed]) {
      const schema = SERVER_FRAMES[type as keyof typeof SERVER_FRAMES];
      expect(Object.keys(schema.properties), type).toEqual(expect.arrayContaining([...members]));
    }
    for (const { type, members } of sent) {
      const known = Object.values(CLIENT_FRAMES).flatMap(({ properties }) =>
        (properties['type'] as unknown as { const: string }).const === type ? Object.keys(properties) : [],
      );
      expect(known, type).toEqual(expect.arrayContaining([...members]));
    }
  });
});

describe('the document', () => {
  const document = asyncApiDocument({ version: '1.2.3', publicUrl: 'https://chat.example' }) as Record<string, Record<string, unknown>>;

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
    const payloads = Object.values(document['components']?.['messages'] as object) as { payload: object }[];
    for (const { payload } of payloads) expect(() => ajv.compile(payload)).not.toThrow();
  });

  it('[A14] knows the error codes of answers', () => {
    const replies = Object.entries(ERRORS).flatMap(([code, { reply }]) => (reply ? [code] : []));
    expect((SERVER_FRAMES.error.properties['code'] as { enum?: string[] }).enum).toEqual(replies);
  });
});

describe('over HTTP', () => {
  let redis: RedisServer;
  beforeAll(async () => {
    redis = await RedisServer.start();
  });
  afterAll(() => redis.stop());

  it('[A14] the document is there for everybody', async () => {
    const api = await (await RoomStage.start(redis.url)).api();
    const { status, body } = await api.call('GET', '/asyncapi.json', undefined);
    expect(status).toBe(200);
    expect(body).toEqual(JSON.parse(JSON.stringify(asyncApiDocument({ version: '1.2.3', publicUrl: undefined }))));
  });
});
