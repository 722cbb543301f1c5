import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';

import { ChatClient } from '#test/support/chat-client.ts';
import { signToken } from '#test/support/jwt.ts';
import { RawClient } from '#test/support/raw-client.ts';
import type { RedisServer } from '#test/support/redis-server.ts';
import { messageOf, type ServerFrame } from '#test/support/server-frame.ts';
import { TestHub } from '#test/support/test-hub.ts';
import { until } from '#test/support/wait.ts';

let hub: TestHub<RedisServer>;
TestHub.showLogs(() => hub);
beforeAll(async () => {
  hub = await TestHub.single({ gateways: 2, env: { FRAME_RATE: '100', FRAME_BURST: '400' } });
});
afterEach(() => hub.clear());
afterAll(() => hub?.stop());

const BATCH = ['parley.v1', 'parley.v1.batch'];

/** A raw client that takes arrays. Keeps each text frame as it came. */
async function batched(user: string): Promise<{ readonly raw: RawClient; readonly texts: string[]; frames(): ServerFrame[] }> {
  const texts: string[] = [];
  const raw = await RawClient.open(`${hub.gateway(0).url}/ws/chat`, {
    protocols: BATCH,
    token: signToken({ sub: user }),
    onText: (text) => void texts.push(text),
  });
  const frames = (): ServerFrame[] => texts.flatMap((text): ServerFrame[] => JSON.parse(text));
  await until(() => frames().some(({ type }) => type === 'welcome'));
  return { raw, texts, frames };
}

/** Sends messages in one write, so that the hub reads them in one turn. */
function burst(client: ChatClient, room: string, texts: readonly string[]): void {
  const { socket } = client.raw;
  socket.cork();
  for (const text of texts) client.send({ type: 'message', room, text });
  socket.uncork();
}

describe('F9 arrays of frames', () => {
  it('[F9] brings every message once, in order, in few text frames, to who offered to take arrays; one by one to others', async () => {
    const room = hub.name('room');
    const live = `live:${room}`;
    const [ada, plain, { raw, texts, frames }] = await Promise.all([hub.client('ada', 1), hub.client('bob', 0), batched('carl')]);
    for (const one of [room, live]) {
      await Promise.all([ada.join(one), plain.join(one)]);
      raw.send(JSON.stringify({ type: 'join', room: one }));
    }
    await until(() => frames().filter(({ type }) => type === 'joined').length === 2);
    const said = Array.from({ length: 150 }, (_, i) => `${i} ${'\u00e4\ud83d\ude00'.repeat(i % 7)} ${'x'.repeat(i % 5 === 0 ? 180 : 0)}`);
    for (const one of [room, live]) burst(ada, one, said);
    const got = (from: readonly ServerFrame[], one: string) =>
      from.filter((frame) => frame.type === 'message' && frame.room === one).map((frame) => messageOf(frame).text);
    await until(() => got(frames(), live).length === said.length && got(frames(), room).length === said.length);
    for (const one of [room, live]) {
      expect(got(frames(), one)).toEqual(said);
      expect(got(plain.frames, one)).toEqual(said);
    }
    expect(texts.every((text) => text.startsWith('[{') && text.endsWith('}]'))).toBe(true);
    const sizes = texts.map((text) => ({ count: JSON.parse(text).length as number, bytes: Buffer.byteLength(text) }));
    expect(sizes.filter(({ count, bytes }) => count > 64 || (count > 1 && bytes > 16_384))).toEqual([]);
    expect(texts.filter((text) => text.includes('"type":"message"')).length).toBeLessThan(100);
    await raw.close();
  });

  it('[F9] keeps the order of what a connection gets: acks, messages, its own leaving, a second join', async () => {
    const room = hub.name('room');
    const [ada, bob] = await Promise.all([hub.client('ada', 0, { protocols: BATCH }), hub.client('bob', 0)]);
    await Promise.all([ada.join(room), bob.join(room)]);
    burst(bob, room, ['one', 'two', 'three']);
    await until(() => bob.of('ack').length === 3);
    // Some of them are held for ada by now: they come before the answer that is not held.
    ada.send({ type: 'leave', id: 'l', room });
    await until(() => ada.of('left').length === 1);
    const order = ada.frames.filter(({ type }) => type === 'message' || type === 'left').map(({ type }) => type);
    expect(order).toEqual(['message', 'message', 'message', 'left']);
    await bob.message(room, 'four');
    const back = await ada.join(room);
    expect(back.offset).toBe(4);
    burst(bob, room, ['five']);
    const own = await ada.message(room, 'six');
    await until(() => ada.of('message').length === 5);
    expect(ada.of('message').map((frame) => frame.offset)).toEqual([1, 2, 3, 5, 6]);
    expect(messageOf(own).offset).toBe(6);
  });

  it('[F9] brings private messages, typing and counts in arrays, too, and nobody their own typing', async () => {
    const room = hub.name('room');
    const [ada, bob, plain] = await Promise.all([
      hub.client('ada', 0, { protocols: BATCH }),
      hub.client('bob', 0, { protocols: BATCH }),
      hub.client('carl', 0),
    ]);
    await Promise.all([ada, bob, plain].map((client) => client.join(room)));
    const ack = await plain.request({ type: 'message', to: 'bob', text: 'psst' });
    await until(() => bob.of('message').some((frame) => frame.room === ack.room));
    await until(() => [ada, bob].every((client) => client.roomOnline.get(room) === 3 && client.online === 3));
    ada.send({ type: 'typing', room });
    await until(() => bob.of('typing').length === 1 && plain.of('typing').length === 1);
    await ada.message(room, 'after');
    expect(ada.of('typing')).toEqual([]);
  });

  it('[F9] takes an array of up to 64 frames, each of which counts and is answered by itself', async () => {
    const { raw, frames } = await batched('dora');
    const room = hub.name('room');
    const data = '{"exact":1.000,"big":12345678901234567890}';
    raw.send(
      ` [ {"type":"join","id":"j","room":"${room}"} , 7,{"type":"message","id":"m","room":"${room}","text":"],[{\\"","data":${data}}\n,{"type":"nonsense","id":"n"}]`,
    );
    await until(() => frames().filter(({ type }) => ['joined', 'error', 'ack'].includes(type)).length === 4);
    const answers = frames().filter(({ type }) => ['joined', 'error', 'ack'].includes(type));
    expect(answers.map(({ type, id, code }) => `${type} ${id} ${code ?? ''}`).sort()).toEqual([
      'ack m ',
      'error n INVALID_REQUEST',
      'error undefined INVALID_REQUEST',
      'joined j ',
    ]);
    const texts: string[] = [];
    const reader = await RawClient.open(`${hub.gateway(0).url}/chat/${room}`, {
      token: signToken({ sub: 'eve' }),
      onText: (text) => void texts.push(text),
    });
    await until(() => texts.some((text) => text.includes(data)));
    const pings = (count: number) => `[${Array.from({ length: count }, (_, i) => `{"type":"ping","id":"p${i}"}`).join()}]`;
    raw.send(pings(64));
    await until(() => frames().filter(({ type }) => type === 'pong').length === 64);
    for (const refused of [pings(65), '[]', '[{"type":"ping"}', '[[{"type":"ping"}]]']) {
      const errors = () => frames().filter(({ type }) => type === 'error');
      const before = errors().length;
      raw.send(refused);
      await until(() => errors().length > before);
      expect(errors().slice(before)).toMatchObject([{ code: 'INVALID_REQUEST' }]);
    }
    expect(frames().filter(({ type }) => type === 'pong')).toHaveLength(64);
    await Promise.all([raw.close(), reader.close()]);
  });

  it('[F3] [F9] counts each frame of an array', async () => {
    const { raw, frames } = await batched('fay');
    for (let i = 0; i < 7; i += 1) raw.send(`[${Array.from({ length: 64 }, (_, n) => `{"type":"ping","id":"${n}"}`).join()}]`);
    await until(() => frames().filter(({ type }) => type === 'pong' || type === 'error').length === 448);
    const refused = frames().filter(({ code }) => code === 'RATE_LIMITED');
    // While they arrive, 100 a second are given back.
    expect(refused.length).toBeGreaterThan(0);
    expect(refused.length).toBeLessThanOrEqual(48);
    await raw.close();
  });

  it('[F9] changes nothing if it is offered without parley.v1', async () => {
    const texts: string[] = [];
    const raw = await RawClient.open(`${hub.gateway(0).url}/ws/chat`, {
      protocols: ['parley.v1.batch'],
      token: signToken({ sub: 'gil' }),
      onText: (text) => void texts.push(text),
    });
    await until(() => texts.length > 0);
    expect(JSON.parse(texts[0] ?? '')).toMatchObject({ type: 'welcome', features: [] });
    await raw.close();
    const features = (await ChatClient.connect(hub.gateway(0).url, 'hal', { protocols: ['parley.v1'] })) satisfies ChatClient;
    expect(features.welcome.features).toEqual([]);
    await features.close();
  });
});
