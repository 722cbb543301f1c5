import { randomBytes } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { ApiProcess } from '#test/support/api-process.ts';
import { freePort } from '#test/support/free-port.ts';
import { GatewayProcess } from '#test/support/gateway-process.ts';
import { signToken } from '#test/support/jwt.ts';
import { type CollectedSpan, OtlpCollector } from '#test/support/otlp-collector.ts';
import { RawClient } from '#test/support/raw-client.ts';
import type { RedisServer } from '#test/support/redis-server.ts';
import { SmtpServer } from '#test/support/smtp-server.ts';
import { TestHub } from '#test/support/test-hub.ts';
import { until } from '#test/support/wait.ts';
import { WorkerProcess } from '#test/support/worker-process.ts';

const KEY = 'service-key-of-these-tests-0123456789';
const TEXT = 'nobody writes this into a trace';

let collector: OtlpCollector;
let hub: TestHub<RedisServer>;
let smtp: SmtpServer;
let api: ApiProcess;
let worker: WorkerProcess;
TestHub.showLogs(() => hub);
beforeAll(async () => {
  collector = await OtlpCollector.start();
  const traces = {
    OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
    OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
    OTEL_EXPORTER_OTLP_HEADERS: 'x-collector-key=of%20the%20collector',
    OTEL_RESOURCE_ATTRIBUTES: 'deployment.environment.name=test',
    OTEL_BSP_SCHEDULE_DELAY: '20',
    ACCESS_LOG_SAMPLE: '1',
  };
  hub = await TestHub.single({ gateways: 2, env: traces });
  smtp = await SmtpServer.start();
  const settings = { ...hub.settings, API_KEYS: `shop:${KEY}`, SMTP_URL: `smtp://127.0.0.1:${smtp.port}` };
  [api, worker] = await Promise.all([ApiProcess.start(settings), WorkerProcess.start(settings)]);
});
afterEach(() => hub.clear());
afterAll(async () => {
  await worker?.kill9();
  await api?.kill9();
  await smtp?.stop();
  await hub?.stop();
  await collector?.stop();
});

const hex = (bytes: number): string => randomBytes(bytes).toString('hex');

/** Each span with the name of its parent; `elsewhere`: a parent that is no span of the hub. */
function tree(spans: readonly CollectedSpan[]): string[] {
  const names = new Map(spans.map(({ id, name }) => [id, name]));
  return spans.map(({ name, parent }) => `${name} < ${parent === undefined ? 'none' : (names.get(parent) ?? 'elsewhere')}`).sort();
}

function named(spans: readonly CollectedSpan[], name: string): CollectedSpan {
  const found = spans.find((span) => span.name === name);
  if (found === undefined) throw new Error(`no span ${name} in ${tree(spans).join(', ')}`);
  return found;
}

/** No step begins before the trace or takes no time, and the first one is not shorter than `of`. */
function expectTimes(spans: readonly CollectedSpan[], first: string, of: readonly string[]): void {
  const whole = named(spans, first);
  for (const step of of.map((name) => named(spans, name))) {
    expect(step.start).toBeGreaterThanOrEqual(whole.start);
    expect(step.ms).toBeGreaterThan(0);
    expect(step.start + step.ms).toBeLessThanOrEqual(whole.start + whole.ms + 0.01);
  }
}

/** The lines of the access log of a program. */
function accessLines({ output }: { readonly output: string }): Record<string, unknown>[] {
  const lines = output.split('\n').filter((line) => line.includes('"msg":"access"'));
  return lines.map((line) => JSON.parse(line) as Record<string, unknown>);
}

const TIMES = { ms: expect.any(Number), time: expect.any(String), node: expect.any(String), level: 'info', msg: 'access' };

describe('a request of a service', () => {
  const publish = (headers: Record<string, string>, key = KEY): Promise<Response> =>
    api.post('/publish', { room: 'park', as: { id: 'shop', name: 'Shop' }, text: TEXT }, { authorization: `Bearer ${key}`, ...headers });

  it('[A11] continues the trace of its caller: the route, the script, the store', async () => {
    const [trace, parent] = [hex(16), hex(8)];
    const answer = await publish({ traceparent: `00-${trace}-${parent}-01` });
    const { id } = (await answer.json()) as { id: string };
    const route = 'POST /api/v1/publish';
    const spans = await collector.whole([route, 'script', 'store'], ({ traceId }) => traceId === trace);
    expect(named(spans, route)).toMatchObject({ parent, service: 'parley-api', failed: undefined });
    expect(named(spans, route).attributes).toMatchObject({
      'http.request.method': 'POST',
      'http.route': '/api/v1/publish',
      'http.response.status_code': answer.status,
      'messaging.message.id': id,
      'parley.request.id': answer.headers.get('x-request-id'),
    });
    expect(tree(spans)).toEqual(expect.arrayContaining([`${route} < elsewhere`, `script < ${route}`, `store < ${route}`]));
    expect(named(spans, 'store').attributes).toMatchObject({ 'db.system.name': 'postgresql', 'db.collection.name': 'messages' });
    expectTimes(spans, route, ['script', 'store']);
  });

  it('is not recorded if its caller does not record it', async () => {
    const [off, on] = [hex(16), hex(16)];
    await publish({ traceparent: `00-${off}-${hex(8)}-00` });
    await publish({ traceparent: `00-${on}-${hex(8)}-01` });
    // The spans of a process are sent in their order.
    await collector.whole(['store'], ({ traceId }) => traceId === on);
    expect(collector.trace(off)).toEqual([]);
  });

  it('[A11] needs its key for that, and nobody else can put a request into a trace', async () => {
    const [forged, browser, broken] = [hex(16), hex(16), 'no trace context'];
    const traceparent = (trace: string): Record<string, string> => ({ traceparent: `00-${trace}-${hex(8)}-01` });
    const requests = [
      await publish(traceparent(forged), 'a wrong key'),
      await api.get('/api/v1/rooms', { authorization: `Bearer ${signToken({ sub: 'ada' })}`, ...traceparent(browser) }),
      await publish({ traceparent: broken }),
    ];
    expect(requests.map(({ status }) => status)).toEqual([401, 200, 200]);
    for (const { headers, status } of requests) {
      const id = headers.get('x-request-id');
      const spans = await collector.whole([], ({ attributes }) => attributes['parley.request.id'] === id);
      const [first] = spans.filter(({ attributes }) => attributes['parley.request.id'] === id);
      expect(first).toMatchObject({ parent: undefined, attributes: { 'http.response.status_code': status } });
    }
    expect([forged, browser].flatMap((trace) => collector.trace(trace))).toEqual([]);
  });
});

describe('a message of a connection', () => {
  it('is one trace: script, store, and one relay for all its receivers', async () => {
    const ada = await hub.client('ada');
    const others = await Promise.all(['bob', 'cy', 'dan'].map((user) => hub.client(user)));
    const away = await hub.client('eve', 1);
    for (const client of [ada, ...others, away]) await client.join('park');
    const { message } = await ada.message('park', TEXT);
    await away.waitFor('message');
    const { id } = message as { id: string };
    const is = ({ attributes }: CollectedSpan): boolean => attributes['messaging.message.id'] === id;
    const spans = await collector.whole(['publish park', 'script', 'store', 'relay'], is);
    expect(tree(spans)).toEqual(['publish park < none', 'relay < publish park', 'script < publish park', 'store < publish park']);
    expect(named(spans, 'relay').attributes).toEqual({ 'parley.connections': 4 });
    expect(new Set(spans.map(({ service, instance }) => `${service} ${instance}`))).toEqual(
      new Set([`parley-gateway ${hub.gateway(0).node}`]),
    );
    expectTimes(spans, 'publish park', ['script', 'store']);
  });

  it('of a room that keeps nothing has a script and a relay, and a refused one its error', async () => {
    const ada = await hub.client('ada');
    await ada.join('live:trace');
    await ada.message('live:trace', 'now');
    await expect(ada.message('live:trace', 'x'.repeat(5000))).rejects.toMatchObject({ code: 'MESSAGE_TOO_LONG' });
    const spans = await collector.whole(['relay'], ({ name }) => name === 'publish live');
    expect(tree(spans)).toEqual(['publish live < none', 'relay < publish live', 'script < publish live']);
    const refused = await collector.whole([], ({ name, failed }) => name === 'publish live' && failed !== undefined);
    expect(refused.map(({ failed }) => failed)).toEqual(['MESSAGE_TOO_LONG']);
  });
});

describe('a handshake', () => {
  it('is one trace up to its welcome: token, presence', async () => {
    await hub.client('ada');
    const spans = await collector.whole(['token', 'presence'], ({ name }) => name === 'GET /ws/chat');
    expect(tree(spans)).toEqual(['GET /ws/chat < none', 'presence < GET /ws/chat', 'token < GET /ws/chat']);
    const { attributes } = named(spans, 'GET /ws/chat');
    expect(attributes).toMatchObject({ 'http.request.method': 'GET', 'http.route': '/ws/chat', 'http.response.status_code': 101 });
    expectTimes(spans, 'GET /ws/chat', ['token', 'presence']);
  });

  it('that is refused has its status and code, and never the token of its path', async () => {
    const secret = `secret${hex(8)}`;
    await expect(RawClient.open(`${hub.gateway(0).url}/websocket/${secret}`)).rejects.toMatchObject({ response: { status: 401 } });
    const spans = await collector.whole([], ({ failed }) => failed === 'TOKEN_EXPIRED');
    const route = '/websocket/{token}';
    expect(named(spans, `GET ${route}`).attributes).toMatchObject({ 'http.route': route, 'http.response.status_code': 401 });
    expect(collector.bodies.filter((body) => body.includes(secret))).toEqual([]);
  });
});

describe('a job', () => {
  it('is part of the trace of the request that queued it, in another process', async () => {
    const answer = await api.post('/auth/code', { account: 'ada@example.com' });
    const route = 'POST /api/v1/auth/code';
    const id = answer.headers.get('x-request-id');
    const names = [route, 'send mail', 'process mail'];
    const spans = await collector.whole(names, ({ attributes }) => attributes['parley.request.id'] === id);
    expect(tree(spans)).toEqual(expect.arrayContaining([`${route} < none`, `send mail < ${route}`, 'process mail < send mail']));
    expect(names.map((name) => named(spans, name).service)).toEqual(['parley-api', 'parley-api', 'parley-worker']);
    expect(named(spans, 'process mail').attributes).toMatchObject({ 'messaging.destination.name': 'mail', 'parley.job.attempt': 1 });
    // The statements of a request stand in its trace, by verb and table.
    expect(tree(spans)).toContain(`insert login_attempts < ${route}`);
  });
});

describe('the access log', () => {
  it('has a line for a request of the API: its route, its answer, who asked, its trace', async () => {
    const answer = await api.post('/publish?key=hidden', { room: 'park', text: TEXT }, { authorization: `Bearer ${KEY}` });
    const body = await answer.text();
    const request = answer.headers.get('x-request-id');
    const line = await until(() => accessLines(api).find((one) => one['request'] === request));
    expect(line).toEqual({
      ...TIMES,
      request,
      method: 'POST',
      route: '/api/v1/publish',
      status: 200,
      bytes: Buffer.byteLength(body),
      kind: 'service',
      user: 'shop',
      address: '127.0.0.1',
      trace: expect.stringMatching(/^[0-9a-f]{32}$/),
    });
    const user = await api.get('/api/v1/rooms', { authorization: `Bearer ${signToken({ sub: 'ada' })}` });
    const nothing = await api.get('/api/v1/nothing/hidden');
    const lineOf = ({ headers }: Response) => until(() => accessLines(api).find((one) => one['request'] === headers.get('x-request-id')));
    expect(await lineOf(user)).toMatchObject({ route: '/api/v1/rooms', status: 200, kind: 'user', user: 'ada' });
    expect(await lineOf(nothing)).toMatchObject({ route: 'none', status: 404 });
    expect(accessLines(api).filter((one) => JSON.stringify(one).includes('hidden'))).toEqual([]);
  });

  it('has a line for a handshake: accepted with its user, or refused with its code, without the token', async () => {
    const gateway = hub.gateway(1);
    await hub.client('iris', 1);
    const accepted = await until(() => accessLines(gateway).find((one) => one['user'] === 'iris'));
    expect(accepted).toEqual({
      ...TIMES,
      request: expect.any(String),
      method: 'GET',
      route: '/ws/chat',
      status: 101,
      kind: 'user',
      user: 'iris',
      address: '127.0.0.1',
      trace: expect.any(String),
    });
    const token = `secret${hex(8)}`;
    await expect(RawClient.open(`${gateway.url}/websocket/${token}`)).rejects.toMatchObject({ response: { status: 401 } });
    const refused = await until(() => accessLines(gateway).find((one) => one['route'] === '/websocket/{token}'));
    expect(refused).toMatchObject({ status: 401, code: 'TOKEN_EXPIRED', address: '127.0.0.1' });
    expect(gateway.output).not.toContain(token);
  });
});

describe('what is sent', () => {
  it('has the headers and attributes that are set, and nothing that people write, no id and no secret', async () => {
    expect(collector.headers['x-collector-key']).toBe('of the collector');
    const all = collector.bodies.join();
    expect(all).toContain('deployment.environment.name');
    const found = [TEXT, KEY, '"ada"', 'Shop', 'example.com', 'live:trace', 'Bearer', 'eyJ'].filter((secret) => all.includes(secret));
    expect(found).toEqual([]);
  });

  it('is none at a ratio of 0, and none is lost if a node leaves', async () => {
    const settings = { OTEL_BSP_SCHEDULE_DELAY: '600000', DRAIN_SECONDS: '0' };
    const [none, late] = await Promise.all([
      GatewayProcess.start({ ...hub.settings, ...settings, OTEL_TRACES_SAMPLER: 'traceidratio', OTEL_TRACES_SAMPLER_ARG: '0' }),
      GatewayProcess.start({ ...hub.settings, ...settings }),
    ]);
    hub.gateways.push(none, late);
    for (const [index, user] of [
      [hub.gateways.length - 2, 'fay'],
      [hub.gateways.length - 1, 'gus'],
    ] as const) {
      const client = await hub.client(user, index);
      await client.join('park');
      await client.message('park', TEXT);
    }
    const sent = (node: string): string[] => collector.spans.filter(({ instance }) => instance === node).map(({ name }) => name);
    expect(sent(late.node)).toEqual([]);
    expect(await Promise.all([none.term(), late.term()])).toEqual([0, 0]);
    expect(sent(late.node)).toEqual(expect.arrayContaining(['GET /ws/chat', 'publish park', 'script', 'store', 'relay']));
    expect(sent(none.node)).toEqual([]);
  });

  it('is lost if the collector is away: nothing waits, one line says so, and all is counted', async () => {
    const gateway = await hub.add({
      OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${await freePort()}`,
      OTEL_EXPORTER_OTLP_TIMEOUT: '100',
      OTEL_BSP_MAX_QUEUE_SIZE: '3',
      ACCESS_LOG_SAMPLE: '0',
    });
    const client = await hub.client('hal', hub.gateways.indexOf(gateway));
    await client.join('park');
    const spans = (result: string): Promise<number> => gateway.metric('parley_trace_spans_total', `result="${result}"`);
    await until(async () => {
      await Promise.all(Array.from({ length: 10 }, () => client.message('park', TEXT)));
      return (await spans('dropped')) > 0 && (await spans('failed')) > 0;
    });
    expect(await spans('exported')).toBe(0);
    const lines = gateway.output.split('\n').filter((line) => line.includes('spans of traces are lost'));
    expect(lines[0]).toContain('OTEL_EXPORTER_OTLP_ENDPOINT');
    expect(lines.length).toBeLessThan(4);
    expect(accessLines(gateway)).toEqual([]);
    expect(await gateway.term()).toBe(0);
  });
});
