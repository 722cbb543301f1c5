import { validate } from '@readme/openapi-parser';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { describe, expect, it } from 'vitest';
import { asyncApiRoutes } from '#services/api/asyncapi-document.ts';
import { conversationRoutes } from '#services/api/conversation-routes.ts';
import { matchRoutes } from '#services/api/match-routes.ts';
import { memberRoutes, roomRoutes } from '#services/api/room-routes.ts';
import { serviceRoutes } from '#services/api/service-routes.ts';
import { ApiWorld, jsonOf } from '#test/support/api-world.ts';

interface Media {
  readonly schema: Schema;
  readonly example?: unknown;
}

interface Operation {
  readonly operationId?: string;
  readonly 'x-codeSamples'?: readonly { readonly source: string }[];
  readonly tags?: readonly string[];
  readonly summary?: string;
  readonly security?: readonly object[];
  readonly requestBody?: { readonly content: Readonly<Record<string, Media>> };
  readonly responses: Readonly<Record<string, { readonly content?: Readonly<Record<string, Media>> }>>;
}

interface Schema {
  readonly $ref?: string;
  readonly type?: string;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly additionalProperties?: unknown;
  readonly anyOf?: readonly Schema[];
}

interface Document {
  readonly components: { readonly schemas: Readonly<Record<string, Schema>> };
  readonly openapi: string;
  readonly info: { readonly version: string };
  readonly tags: readonly { readonly name: string }[];
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
}

/** Routes of every kind: what they would do is not asked for here. */
const nothing = {} as never;
const JWK = { kty: 'OKP', crv: 'Ed25519', x: 'x', kid: 'k', alg: 'EdDSA', use: 'sig' };

function wholeApi(): ApiWorld {
  return new ApiWorld({
    jwks: { keys: [JWK] },
    routes: [
      roomRoutes({ rooms: nothing, history: nothing }),
      memberRoutes(nothing),
      matchRoutes(nothing),
      conversationRoutes(nothing),
      serviceRoutes({ broker: nothing, presence: nothing, publisher: nothing }),
      asyncApiRoutes('1.2.3'),
    ],
  });
}

async function described(): Promise<{ document: Document; operations: (readonly [name: string, operation: Operation])[] }> {
  const document = jsonOf(await wholeApi().get('/api/v1/openapi.json')) as unknown as Document;
  const operations = Object.entries(document.paths).flatMap(([path, item]) =>
    Object.entries(item).map(([method, operation]) => [`${method.toUpperCase()} ${path}`, operation] as const),
  );
  return { document, operations };
}

/** Who asks needs no token: what gets one, and what is told to all. */
const OPEN = [
  'GET /.well-known/jwks.json',
  'GET /api/v1/asyncapi.json',
  'GET /api/v1/online',
  'POST /api/v1/auth/code',
  'POST /api/v1/auth/logout',
  'POST /api/v1/auth/refresh',
  'POST /api/v1/auth/register',
  'POST /api/v1/auth/verify',
  'POST /api/v1/customers',
  'POST /api/v1/customers/token',
  'POST /api/v1/guests',
  'POST /api/v1/public/login',
];

/** Each schema with members of its own, wherever it stands. */
function objectSchemas(value: unknown): string[] {
  if (Array.isArray(value)) return value.flatMap(objectSchemas);
  if (typeof value !== 'object' || value === null) return [];
  const { properties } = value as Schema;
  const isObject = typeof properties === 'object' && Object.keys(properties).length > 0;
  return [...(isObject ? [JSON.stringify(properties)] : []), ...Object.values(value).flatMap(objectSchemas)];
}

describe('the OpenAPI document', { timeout: 60_000 }, () => {
  it('[A12] has an id, examples that fit their schemas, and a curl line for every operation', async () => {
    const { document, operations } = await described();
    const ids = operations.map(([, { operationId }]) => operationId);
    expect(new Set(ids).size).toBe(operations.length);
    const ajv = new Ajv2020({ strict: false, validateFormats: false });
    ajv.addSchema({ $id: 'doc', components: document.components });
    const fits = (name: string, { schema, example }: Media) => {
      expect(example, `the example of ${name}`).toBeDefined();
      const whole = JSON.parse(JSON.stringify(schema).replaceAll('"#/', '"doc#/'));
      expect(ajv.validate(whole, example), `${name}: ${ajv.errorsText()}`).toBe(true);
    };
    for (const [name, operation] of operations) {
      expect(operation.operationId, name).toMatch(/^[a-z][A-Za-z]+$/);
      expect(operation['x-codeSamples']?.[0]?.source, name).toMatch(/^curl .*"\$HUB\/.* # 20[0-4]$/);
      const body = operation.requestBody?.content['application/json'];
      if (body !== undefined) fits(`${name} request`, body);
      for (const [status, { content }] of Object.entries(operation.responses))
        if (status.startsWith('2') && content !== undefined) fits(`${name} ${status}`, content['application/json'] as Media);
    }
  });

  it('[A12] has each schema once', async () => {
    const { document } = await described();
    const all = objectSchemas(document);
    expect(all.filter((one, at) => all.indexOf(one) !== at)).toEqual([]);
  });

  it('[A1] [A12] is valid OpenAPI 3.1, of this version', async () => {
    const { document } = await described();
    expect(document.openapi).toBe('3.1.0');
    expect(document.info.version).toBe('1.2.3');
    const verdict = await validate(structuredClone(document) as never);
    expect(verdict).toMatchObject({ valid: true });
  });

  it('[A1] has every rule’s paths', async () => {
    const { operations } = await described();
    const names = operations.map(([name]) => name);
    for (const name of [
      ...OPEN,
      'GET /api/v1/rooms',
      'POST /api/v1/rooms',
      'GET /api/v1/rooms/match',
      'PUT /api/v1/rooms/match',
      'POST /api/v1/rooms/match',
      'GET /api/v1/rooms/{room}',
      'PATCH /api/v1/rooms/{room}',
      'DELETE /api/v1/rooms/{room}',
      'GET /api/v1/rooms/{room}/messages',
      'POST /api/v1/rooms/{room}/members',
      'DELETE /api/v1/rooms/{room}/members',
      'POST /api/v1/conversations',
      'GET /api/v1/conversations',
      'POST /api/v1/conversations/{room}/assign',
      'POST /api/v1/conversations/{room}/close',
      'POST /api/v1/push',
      'POST /api/v1/publish',
      'POST /api/v1/disconnect',
      'POST /api/v1/revoke',
      'POST /api/v1/ban',
      'DELETE /api/v1/ban/{user}',
      'GET /api/v1/users/{id}/status',
      'POST /api/v1/batch',
    ])
      expect(names, name).toContain(name);
  });

  it('[A1] says of every operation what it is, who may use it and all it may answer', async () => {
    const { document, operations } = await described();
    const tags = document.tags.map(({ name }) => name);
    for (const [name, operation] of operations) {
      expect(operation.summary, name).toMatch(/\(A\d+(, A\d+)*\)$/);
      expect(tags, name).toContain(operation.tags?.[0]);
      expect(operation.security === undefined, `${name} is open`).toBe(OPEN.includes(name));
      const statuses = Object.keys(operation.responses);
      expect(statuses.filter((status) => status.startsWith('2')).length, name).toBeGreaterThan(0);
      expect(statuses, name).toEqual(expect.arrayContaining(['500', '503']));
      if (operation.requestBody) expect(statuses, name).toEqual(expect.arrayContaining(['400', '413', '415']));
      if (operation.security) expect(statuses, name).toEqual(expect.arrayContaining(['401', '403']));
      for (const [status, { content }] of Object.entries(operation.responses)) {
        if (status === '204') continue;
        expect(content?.['application/json']?.schema, `${name} ${status}`).toBeDefined();
      }
    }
  });

  it('[A1] lets no request have members that are not known', async () => {
    const { document, operations } = await described();
    let bodies = 0;
    for (const [name, { requestBody }] of operations) {
      const schema = requestBody?.content['application/json']?.schema;
      if (schema === undefined) continue;
      for (const part of schema.anyOf ?? [schema]) {
        const one = part.$ref === undefined ? part : (document.components.schemas[part.$ref.split('/').at(-1) ?? ''] ?? part);
        expect(one.$ref, name).toBeUndefined();
        if (one.type !== 'object') continue;
        bodies += 1;
        expect(one.additionalProperties, name).toBe(false);
      }
    }
    expect(bodies).toBeGreaterThan(10);
  });
});

describe('the page about it', () => {
  it('is at /docs, needs nothing from elsewhere and has nothing inline', async () => {
    const world = wholeApi();
    const page = await world.get('/docs');
    expect([page.status, page.headers['content-type']]).toEqual([200, 'text/html; charset=utf-8']);
    expect(String(page.headers['content-security-policy'])).toContain("script-src 'self'");
    const html = page.body.toString();
    expect(html).not.toMatch(/<style|\sstyle=|\son\w+=|<script(?![^>]*\ssrc=)|javascript:|https?:\/\//i);
    const files = [...html.matchAll(/\s(?:src|href)="([^"]+)"/g)].map(([, file]) => file ?? '');
    expect(files).toEqual(['./docs/docs.css', './docs/docs.js', './api/v1/openapi.json', './api/v1/openapi.json']);
    for (const file of files) expect((await world.get(file.slice(1))).status, file).toBe(200);
    expect((await world.get('/docs/docs.js')).body.toString()).not.toMatch(/innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(/);
  });
});

describe('the keys', () => {
  it('[A12] are at the root where tokens are signed with a pair, and nothing is where they are not', async () => {
    const reply = await wholeApi().get('/.well-known/jwks.json');
    expect([reply.status, jsonOf(reply)]).toEqual([200, { keys: [JWK] }]);
    expect(reply.headers['cache-control']).toBe('public, max-age=300');
    expect((await new ApiWorld().get('/.well-known/jwks.json')).status).toBe(404);
  });
});
