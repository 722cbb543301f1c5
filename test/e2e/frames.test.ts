import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';

import type { ChatClient } from '#test/support/chat-client.ts';
import { signToken } from '#test/support/jwt.ts';
import type { RedisServer } from '#test/support/redis-server.ts';
import { messageOf } from '#test/support/server-frame.ts';
import { TestHub } from '#test/support/test-hub.ts';
import { until } from '#test/support/wait.ts';

let hub: TestHub<RedisServer>;
TestHub.showLogs(() => hub);
beforeAll(async () => {
  hub = await TestHub.single({ gateways: 2, env: { FRAME_RATE: '20' } });
});
afterEach(() => hub.clear());
afterAll(() => hub?.stop());

const now = (): number => Math.floor(Date.now() / 1000);

/** Sends frames in one write: they are read at once, however busy the machine is, so that no time passes between them. */
function together(client: ChatClient, count: number, frame: (i: number) => Readonly<Record<string, unknown>>): void {
  const { socket } = client.raw;
  socket.cork();
  for (let i = 0; i < count; i += 1) client.send(frame(i));
  socket.uncork();
}

describe('F1 frames that are none', () => {
  const bad: readonly string[] = [
    '',
    '{',
    'null',
    '[]',
    '[{"type":"ping","id":"1"}]',
    '"join"',
    '42',
    '{}',
    '{"type":null}',
    '{"type":"nonsense"}',
    '{"type":"__proto__"}',
    '{"type":"constructor"}',
    '{"type":"welcome"}',
    '{"type":"join"}',
    '{"type":"join","room":7}',
    '{"type":"join","room":"a","since":7}',
    '{"type":"join","room":"a","since":{"epoch":1,"offset":0}}',
    '{"type":"join","room":"a","since":{"epoch":"e","offset":-1}}',
    '{"type":"join","room":"a","since":{"epoch":"e","offset":1.5}}',
    '{"type":"join","room":"a","since":{"epoch":"e","offset":1e99}}',
    '{"type":"join","rooms":[]}',
    '{"type":"join","rooms":{}}',
    '{"type":"join","rooms":["a"]}',
    `{"type":"join","rooms":[${Array.from({ length: 101 }, (_, i) => `{"room":"r${i}"}`).join()}]}`,
    '{"type":"message","room":"a"}',
    '{"type":"message","room":"a","text":7}',
    '{"type":"message","room":["a"],"text":"x"}',
    '{"type":"history","room":"a","limit":0}',
    '{"type":"history","room":"a","limit":101}',
    '{"type":"history","room":"a","before":"x"}',
    '{"type":"query","query":"everything"}',
    '{"type":"delivered","room":"a"}',
    '{"type":"refresh","token":{}}',
    `{"type":"ping","id":"${'x'.repeat(65)}"}`,
    '{"type":"ping","id":7}',
  ];

  it.each(bad)('[F1] answers %s with INVALID_REQUEST and lives on', async (text) => {
    const ada = await hub.client('ada');
    ada.raw.send(text);
    const error = await ada.waitFor('error');
    expect(error).toMatchObject({ code: 'INVALID_REQUEST', retryable: false });
    expect(await ada.onLineNumber()).toBe(1);
  });

  it('[F1] gives the id back where there is one', async () => {
    const ada = await hub.client('ada');
    await expect(ada.request({ type: 'nonsense', id: 'mine' })).rejects.toMatchObject({ frame: { id: 'mine' } });
  });

  it('[F1] ignores unknown members', async () => {
    const ada = await hub.client('ada');
    ada.raw.send('{"type":"join","id":"j","room":"a","__proto__":{"x":1},"constructor":1,"extra":[1,2]}');
    expect(await ada.waitFor('joined')).toMatchObject({ id: 'j', room: 'a' });
  });

  it('[F1] refuses a binary frame the same way', async () => {
    const ada = await hub.client('ada');
    ada.raw.sendBinary(Buffer.from('{"type":"ping"}'));
    expect(await ada.waitFor('error')).toMatchObject({ code: 'INVALID_REQUEST' });
    expect(await ada.onLineNumber()).toBe(1);
  });

  it('[F1] [C 4029] closes after 10 of them in 10 s, not before', async () => {
    const ada = await hub.client('ada');
    for (let i = 0; i < 9; i += 1) ada.raw.send('{');
    expect(await ada.onLineNumber()).toBe(1);
    ada.raw.sendBinary(Buffer.from([0]));
    ada.raw.send('{');
    expect(await ada.closed).toMatchObject({ code: 4029, reason: expect.stringMatching(/^RATE_LIMITED/) });
  });
});

describe('F2 sizes', () => {
  it('[F2] takes a frame of 32 KiB', async () => {
    const ada = await hub.client('ada');
    const empty = JSON.stringify({ type: 'ping', id: 'p', pad: '' });
    ada.raw.send(JSON.stringify({ type: 'ping', id: 'p', pad: 'x'.repeat(32_768 - empty.length) }));
    expect(await ada.waitFor('pong')).toMatchObject({ id: 'p' });
  });

  it.each([1, 10_000, 40_000])('[F2] [C 1009] closes for a frame of %i bytes more, and says so', async (more) => {
    const ada = await hub.client('ada');
    const empty = JSON.stringify({ type: 'ping', pad: '' });
    ada.raw.send(JSON.stringify({ type: 'ping', pad: 'x'.repeat(32_768 - empty.length + more) }));
    expect(await ada.closed).toMatchObject({ code: 1009, reason: 'TOO_LARGE' });
  });

  it('[F2] [C 1006] ends a frame that is beyond all measure before it is read', async () => {
    const ada = await hub.client('ada');
    ada.raw.send(JSON.stringify({ type: 'ping', pad: 'x'.repeat(10_000_000) }));
    expect([1006, 1009]).toContain((await ada.closed).code);
  });

  it('[F2] counts bytes, not characters', async () => {
    const ada = await hub.client('ada');
    ada.raw.send(JSON.stringify({ type: 'ping', pad: 'ä'.repeat(16_384) }));
    expect(await ada.closed).toMatchObject({ code: 1009 });
  });

  it.each([
    ['letters', 'x'],
    ['letters of two bytes', 'ä'],
    ['characters beyond the first plane', '😀'],
  ])('[F2] counts a text in code points: 200 %s pass, 201 do not', async (_, character) => {
    const room = hub.name('room');
    const ada = await hub.client('ada');
    await ada.join(room);
    await expect(ada.message(room, character.repeat(201))).rejects.toMatchObject({ code: 'MESSAGE_TOO_LONG' });
    const ack = await ada.message(room, character.repeat(200));
    expect(messageOf(ack).offset).toBe(1);
    const message = await ada.waitFor('message');
    expect(messageOf(message).text).toBe(character.repeat(200));
    expect(ada.of('message')).toHaveLength(1);
  });
});

describe('F3 rate', () => {
  it('[F3] answers what is over the burst with RATE_LIMITED and when to come back', async () => {
    const ada = await hub.client('ada');
    together(ada, 60, (i) => ({ type: 'ping', id: `p${i}` }));
    await until(() => (ada.received.get('pong') ?? 0) + (ada.received.get('error') ?? 0) === 60, { describe: 'an answer to each' });
    const errors = ada.of('error');
    expect(errors.length).toBeGreaterThanOrEqual(10);
    expect(errors.length).toBeLessThanOrEqual(20);
    for (const error of errors) expect(error).toMatchObject({ code: 'RATE_LIMITED', retryable: true, id: expect.stringMatching(/^p/) });
    expect(errors.at(-1)?.retryAfter).toBeGreaterThan(0);
    await until(async () => (await ada.request({ type: 'ping' })).type === 'pong', { describe: 'allowed again' });
    expect(ada.connected).toBe(true);
  });

  it('[F3] [C 4029] ends sustained abuse', async () => {
    const ada = await hub.client('ada');
    const flood = setInterval(() => {
      if (!ada.connected) return;
      for (let i = 0; i < 50; i += 1) ada.send({ type: 'ping' });
    }, 50);
    try {
      const close = await ada.closed;
      expect(close).toMatchObject({ code: 4029, reason: expect.stringMatching(/^RATE_LIMITED \d+$/) });
    } finally {
      clearInterval(flood);
    }
  });

  it('[F3] is counted for each connection', async () => {
    const ada = await hub.client('ada');
    const bob = await hub.client('bob');
    together(ada, 60, () => ({ type: 'ping' }));
    await ada.waitFor('error');
    for (let i = 0; i < 30; i += 1) expect(await bob.request({ type: 'ping' })).toMatchObject({ type: 'pong' });
  });
});

describe('F the frames', () => {
  it('[F1] welcome is the first frame and tells the limits', async () => {
    const ada = await hub.client('ada', 0, { session: '', claims: { name: 'Ada L.' } });
    expect(ada.frames[0]).toMatchObject({
      type: 'welcome',
      user: { id: 'ada', name: 'Ada L.', kind: 'user' },
      limits: { messageChars: 200, conversationChars: 2000, frameBytes: 32_768, rooms: 100 },
    });
    expect(ada.frames[0]?.session).toMatch(/^[0-9a-f-]{36}$/);
    expect(ada.frames[0]?.expiresAt).toBeGreaterThan(now());
    expect(ada.frames[0]?.heartbeat).toBeGreaterThan(0);
  });

  it('[F1] ping is answered with the time', async () => {
    const ada = await hub.client('ada');
    const asked = Date.now();
    const { at = 0 } = await ada.request({ type: 'ping' });
    // A second of slack, should the clock be set meanwhile.
    expect(at).toBeGreaterThanOrEqual(asked - 1000);
    expect(at).toBeLessThanOrEqual(Date.now() + 1000);
  });

  it('[F1] history pages backwards, oldest first', async () => {
    const room = hub.name('room');
    const ada = await hub.client('ada', 0);
    await ada.join(room);
    for (let i = 1; i <= 12; i += 1) await ada.message(room, `t${i}`);
    const reader = await hub.client('bob', 1);
    const last = await reader.history(room, { limit: 5 });
    expect(last).toMatchObject({ type: 'history', room, more: true });
    expect(last.messages?.map(({ offset }) => offset)).toEqual([8, 9, 10, 11, 12]);
    const middle = await reader.history(room, { before: 8, limit: 5 });
    expect(middle.messages?.map(({ message }) => message.text)).toEqual(['t3', 't4', 't5', 't6', 't7']);
    const first = await reader.history(room, { before: 3, limit: 5 });
    expect(first.messages?.map(({ offset }) => offset)).toEqual([1, 2]);
    expect(first.more).toBe(false);
    expect(await reader.history(room, { before: 1 })).toMatchObject({ messages: [], more: false });
    expect(await reader.history(hub.name('never'))).toMatchObject({ messages: [], more: false });
  });

  it('[F1] typing is told to the others, at most once a second', async () => {
    const room = hub.name('room');
    const ada = await hub.client('ada', 0);
    const near = await hub.client('bob', 0);
    const far = await hub.client('cleo', 1);
    for (const client of [ada, near, far]) await client.join(room);
    together(ada, 5, () => ({ type: 'typing', room }));
    for (const client of [near, far]) {
      expect(await client.waitFor('typing')).toMatchObject({ room, user: { id: 'ada', name: 'ada' } });
    }
    // A message overtakes no typing sent before it: what had to come came.
    await ada.message(room, 'marker');
    for (const client of [near, far]) {
      await client.waitFor('message');
      expect(client.of('typing')).toHaveLength(1);
    }
    expect(ada.of('typing')).toEqual([]);
    ada.send({ type: 'typing', room: 'not-in-it' });
    expect(await ada.waitFor('error')).toMatchObject({ code: 'NOT_JOINED' });
  });

  it('[F1] delivered has no answer', async () => {
    const room = hub.name('room');
    const ada = await hub.client('ada');
    await ada.join(room);
    const mark = ada.mark();
    ada.send({ type: 'delivered', room, offset: 1 });
    await ada.request({ type: 'ping' });
    expect(ada.frames.slice(mark).filter(({ type }) => type === 'error' || type === 'ack' || type === 'delivered')).toEqual([]);
  });

  it('[F1] a direct message to nobody we know is answered, not swallowed', async () => {
    const ada = await hub.client('ada');
    await expect(ada.request({ type: 'message', to: 'nobody', text: 'hi' })).rejects.toMatchObject({ code: 'USER_NOT_FOUND' });
  });

  it('[F1] sessionId is taken for room', async () => {
    const room = hub.name('room');
    const ada = await hub.client('ada');
    await ada.join(room);
    expect(await ada.request({ type: 'message', sessionId: room, text: 'hi' })).toMatchObject({ type: 'ack', room });
  });
});

describe('ends of tokens', () => {
  it('[F1] [H3] token_expiring comes 60 s before, refresh puts the end off', async () => {
    const expiresAt = now() + 3;
    const ada = await hub.client('ada', 0, { claims: { exp: expiresAt } });
    expect(await ada.waitFor('token_expiring')).toMatchObject({ expiresAt });
    const later = now() + 3600;
    expect(await ada.refresh(signToken({ sub: 'ada', exp: later }))).toMatchObject({ type: 'refreshed', expiresAt: later });
    await until(() => now() > expiresAt + 6, { timeoutMs: 15_000, describe: 'the old end passed' });
    expect(await ada.onLineNumber()).toBe(1);
  });

  it('[C 4001] ends the connection of a token that ran out', async () => {
    const ada = await hub.client('ada', 0, { claims: { exp: now() + 2 } });
    expect(await ada.closed).toMatchObject({ code: 4001, reason: 'TOKEN_EXPIRED' });
    // Not sooner than the skew that is forgiven; not much later is a unit test's, which owns the clock.
    expect(now()).toBeGreaterThanOrEqual((ada.welcome.expiresAt ?? Number.POSITIVE_INFINITY) + 5);
  });

  it.each([
    ['forged', () => signToken({ sub: 'ada' }, 'another-secret-that-is-also-long-enough-000')],
    ['expired', () => signToken({ sub: 'ada', exp: now() - 60 })],
    ['rubbish', () => 'a.b.c'],
  ])('[F1] refuses a refresh with a token that is %s', async (_, token) => {
    const ada = await hub.client('ada');
    await expect(ada.refresh(token())).rejects.toMatchObject({ code: 'TOKEN_EXPIRED' });
    expect(await ada.onLineNumber()).toBe(1);
  });

  it('[F1] refuses a refresh with the token of another user', async () => {
    const ada = await hub.client('ada');
    await expect(ada.refresh(signToken({ sub: 'bob' }))).rejects.toMatchObject({ code: 'FORBIDDEN' });
    expect(await ada.presence('park')).toMatchObject({ type: 'presence' });
  });
});
