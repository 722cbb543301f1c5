import fc from 'fast-check';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';

import type { ChatClient } from '#test/support/chat-client.ts';
import { signToken } from '#test/support/jwt.ts';
import { Random } from '#test/support/random.ts';
import { RawClient, type RawClose } from '#test/support/raw-client.ts';
import { maskedFrame, rawFrame } from '#test/support/raw-frame.ts';
import type { RedisServer } from '#test/support/redis-server.ts';
import { messageOf } from '#test/support/server-frame.ts';
import { stopwatch } from '#test/support/steady-clock.ts';
import { SMALL_YOUNG_HEAP, TestHub } from '#test/support/test-hub.ts';
import { MACHINE_MS, until, within } from '#test/support/wait.ts';

const MIB = 2 ** 20;
const TEXT = 0x1;
const BINARY = 0x2;
const CONTINUATION = 0x0;

let hub: TestHub<RedisServer>;
let neighbour: ChatClient;
let room: string;
const random = Random.fromEnvironment('hostile frames');
TestHub.showLogs(() => hub);
beforeAll(async () => {
  hub = await TestHub.single({ gateways: 1, env: SMALL_YOUNG_HEAP });
});
afterAll(() => hub?.stop());

/** After whatever was done: the process lives, memory is bounded, the neighbour noticed nothing. */
afterEach(async () => {
  expect(hub.gateway(0).ended).toBe(false);
  expect(neighbour.connected).toBe(true);
  const spent = stopwatch();
  const ack = await neighbour.message(room, 'still here');
  await neighbour.waitFor('message', (frame) => messageOf(frame).id === messageOf(ack).id);
  expect(spent()).toBeLessThan(1000 + MACHINE_MS);
  expect(neighbour.ledger.violations).toEqual([]);
  expect(neighbour.of('error')).toEqual([]);
  expect(await hub.gateway(0).memory()).toBeLessThan(400 * MIB);
  await hub.clear();
});

async function withNeighbour(): Promise<void> {
  room = hub.name('room');
  neighbour = await hub.client('neighbour', 0);
  await neighbour.join(room);
}

async function attacker(onText?: (text: string) => void): Promise<RawClient> {
  return await RawClient.open(`${hub.gateway(0).url}/ws/chat`, {
    token: signToken({ sub: 'mallory' }),
    ...(onText === undefined ? {} : { onText }),
  });
}

async function ended(client: RawClient): Promise<RawClose> {
  return await within(10_000, 'the attacker is shown the door', client.closed);
}

describe('frames that break RFC 6455', () => {
  const broken: readonly (readonly [string, Buffer])[] = [
    ['reserved bits', rawFrame({ opcode: TEXT, payload: Buffer.from('{}'), rsv: 4 })],
    ['an unknown opcode', rawFrame({ opcode: 0x5, payload: Buffer.from('{}') })],
    ['an unknown control opcode', rawFrame({ opcode: 0xb })],
    ['a continuation of nothing', rawFrame({ opcode: CONTINUATION, payload: Buffer.from('{}') })],
    ['a ping longer than 125', rawFrame({ opcode: 0x9, payload: Buffer.alloc(126) })],
    ['a ping in pieces', rawFrame({ opcode: 0x9, payload: Buffer.alloc(4), fin: false })],
    ['a length of 2 GiB', rawFrame({ opcode: TEXT, payload: Buffer.alloc(100), claimedLength: 2n ** 31n })],
    ['a length of 2^63 - 1', rawFrame({ opcode: TEXT, payload: Buffer.alloc(100), claimedLength: 2n ** 63n - 1n })],
    ['a length of 2^64 - 1', rawFrame({ opcode: BINARY, payload: Buffer.alloc(100), claimedLength: 2n ** 64n - 1n })],
    ['invalid UTF-8', rawFrame({ opcode: TEXT, payload: Buffer.from([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x7d]) })],
    ['a surrogate in UTF-8', rawFrame({ opcode: TEXT, payload: Buffer.from([0xed, 0xa0, 0x80]) })],
    ['HTTP in the middle', Buffer.from('GET / HTTP/1.1\r\nHost: x\r\n\r\n')],
    [
      'a new text inside of a fragmented one',
      Buffer.concat([
        rawFrame({ opcode: TEXT, payload: Buffer.from('{'), fin: false }),
        rawFrame({ opcode: TEXT, payload: Buffer.from('{}') }),
      ]),
    ],
  ];

  it.each(broken)('[F1] %s ends that connection alone', async (_, bytes) => {
    await withNeighbour();
    const mallory = await attacker();
    mallory.write(bytes);
    const close = await ended(mallory);
    expect([1002, 1006, 1007, 1009]).toContain(close.code);
  });

  it('[F1] an unmasked frame is never taken for one', async () => {
    await withNeighbour();
    const texts: string[] = [];
    const mallory = await attacker((text) => texts.push(text));
    // The server may wait for the rest of what it takes this for, and then end the connection: an answer it must not give.
    for (let i = 0; i < 20 && !mallory.socket.destroyed; i += 1) {
      mallory.write(rawFrame({ opcode: TEXT, payload: Buffer.from('{"type":"ping"}'), masked: false }));
      await neighbour.request({ type: 'ping' });
    }
    expect(texts.filter((text) => text.includes('"pong"'))).toEqual([]);
    mallory.reset();
    await mallory.closed;
  });

  it.each([
    ['1000 with a reason', Buffer.concat([Buffer.from([0x03, 0xe8]), Buffer.from('bye')])],
    ['a code below 1000', Buffer.from([0x00, 0x01])],
    ['the reserved 1006', Buffer.from([0x03, 0xee])],
    ['one byte', Buffer.from([0x03])],
    ['invalid UTF-8 as reason', Buffer.from([0x03, 0xe8, 0xff, 0xff])],
    ['nothing', Buffer.alloc(0)],
  ])('[F1] a close frame with %s ends it', async (_, payload) => {
    await withNeighbour();
    const mallory = await attacker();
    mallory.write(rawFrame({ opcode: 0x8, payload }));
    await ended(mallory);
  });
});

describe('frames that are too much', () => {
  it('[F2] fragments that never end are cut off at the limit', async () => {
    await withNeighbour();
    const before = await hub.gateway(0).memory();
    const mallory = await attacker();
    mallory.write(rawFrame({ opcode: TEXT, payload: Buffer.alloc(1000, 0x61), fin: false }));
    let sent = 0;
    const piece = rawFrame({ opcode: CONTINUATION, payload: Buffer.alloc(1000, 0x61), fin: false });
    while (!mallory.socket.destroyed && sent < 200 * MIB) {
      if (!mallory.socket.write(piece))
        await Promise.race([new Promise((resolve) => mallory.socket.once('drain', resolve)), mallory.closed]);
      sent += piece.length;
    }
    await ended(mallory);
    expect(sent).toBeLessThan(100 * MIB);
    expect((await hub.gateway(0).memory()) - before).toBeLessThan(64 * MIB);
  });

  it('[F1] empty fragments without end cost nothing', async () => {
    await withNeighbour();
    const before = await hub.gateway(0).memory();
    const mallory = await attacker();
    mallory.write(rawFrame({ opcode: TEXT, fin: false }));
    const pieces = Buffer.concat(Array.from({ length: 10_000 }, () => rawFrame({ opcode: CONTINUATION, fin: false })));
    for (let i = 0; i < 20 && !mallory.socket.destroyed; i += 1) {
      if (!mallory.socket.write(pieces))
        await Promise.race([new Promise((resolve) => mallory.socket.once('drain', resolve)), mallory.closed]);
    }
    expect((await hub.gateway(0).memory()) - before).toBeLessThan(64 * MIB);
    mallory.reset();
    await mallory.closed;
  });

  it('[F2] a thousand half frames that claim much hold little', async () => {
    await withNeighbour();
    const before = await hub.gateway(0).memory();
    const half = rawFrame({ opcode: TEXT, payload: Buffer.alloc(64), claimedLength: 60_000 });
    const crowd = await Promise.all(Array.from({ length: 1000 }, () => attacker()));
    for (const mallory of crowd) mallory.write(half);
    await neighbour.request({ type: 'ping' });
    expect((await hub.gateway(0).memory()) - before).toBeLessThan(128 * MIB);
    for (const mallory of crowd) mallory.reset();
    await Promise.all(crowd.map((mallory) => mallory.closed));
  });

  it('[F1] a frame that comes byte by byte is a frame', async () => {
    await withNeighbour();
    const texts: string[] = [];
    const slow = await attacker((text) => texts.push(text));
    for (const byte of maskedFrame(TEXT, Buffer.from('{"type":"ping","id":"bytes"}'))) {
      slow.write(Buffer.from([byte]));
      await new Promise((resolve) => setImmediate(resolve));
    }
    await until(() => texts.some((text) => text.includes('"pong"') && text.includes('"bytes"')));
    await slow.close();
  });

  it('[F1] a flood of pings is answered or ended, never queued without end', async () => {
    await withNeighbour();
    const before = await hub.gateway(0).memory();
    const mallory = await attacker();
    mallory.pauseReading();
    const pings = Buffer.concat(Array.from({ length: 1000 }, () => rawFrame({ opcode: 0x9, payload: Buffer.alloc(125) })));
    let ended = false;
    void mallory.closed.then(() => {
      ended = true;
    });
    for (let i = 0; i < 400 && !ended; i += 1) {
      if (mallory.socket.write(pings)) continue;
      // A server that stops reading is fine too.
      const drained = new Promise((resolve) => mallory.socket.once('drain', resolve));
      const patience = neighbour.request({ type: 'ping' });
      await Promise.race([drained, mallory.closed, patience.then(() => neighbour.request({ type: 'ping' }))]);
    }
    expect((await hub.gateway(0).memory()) - before).toBeLessThan(96 * MIB);
    mallory.reset();
    await mallory.closed;
  });
});

describe('JSON that is odd', () => {
  it.each([
    ['deep arrays', `{"type":"message","room":"ROOM","text":"x","data":${'['.repeat(7000)}${']'.repeat(7000)}}`],
    ['deep objects', `{"type":"message","room":"ROOM","text":"x","data":${'{"a":'.repeat(2500)}1${'}'.repeat(2500)}}`],
    ['deep since', `{"type":"join","room":"ROOM","since":${'['.repeat(7000)}${']'.repeat(7000)}}`],
    ['only brackets', '['.repeat(16_000)],
    ['a number without end', `{"type":"history","room":"ROOM","before":${'9'.repeat(5000)}}`],
    ['many members', `{${Array.from({ length: 1200 }, (_, i) => `"k${i}":1`).join()},"type":"ping"}`],
    ['the same member many times', `{${'"type":"join",'.repeat(1000)}"type":"ping"}`],
  ])('[F1] %s gets an answer', async (_, text) => {
    await withNeighbour();
    const texts: string[] = [];
    const mallory = await attacker((answer) => texts.push(answer));
    mallory.send(text.replaceAll('ROOM', hub.name('other')));
    mallory.send('{"type":"ping","id":"end"}');
    await until(() => texts.some((answer) => answer.includes('"pong"') && answer.includes('"end"')));
    await mallory.close();
  });

  it.each(['__proto__', 'constructor', 'prototype', 'toString', 'hasOwnProperty', 'valueOf'])(
    '[F1] %s is a name like any other',
    async (name) => {
      await withNeighbour();
      const other = hub.name('other');
      const mallory = await hub.client('mallory', 0);
      mallory.raw.send(`{"type":"join","id":"j","room":"${other}","${name}":{"admin":true,"type":"leave"}}`);
      await mallory.waitFor('joined', (frame) => frame.room === other);
      mallory.raw.send(`{"type":"message","id":"${name}","room":"${other}","text":"x","data":{"${name}":{"polluted":1}}}`);
      await mallory.waitFor('ack', (frame) => frame.id === name);
      await mallory.waitFor('message', (frame) => frame.room === other);
      // As a room and as a user: plain names.
      const user = await hub.client(name, 0);
      const named = name.replace(/[^A-Za-z0-9._~,:-]/g, '');
      expect(await user.join(named)).toMatchObject({ room: named, count: 1 });
      expect(await user.message(named, 'hi')).toMatchObject({ type: 'ack' });
      expect(await user.presence(named)).toMatchObject({ users: [{ id: name, name }] });
      expect(await user.onLineNumber()).toBe(3);
    },
  );
});

describe('frames from fast-check', () => {
  const name = fc.oneof(fc.constantFrom('park', 'r', 'live:x', 'group:x', '', '__proto__', 'a b'), fc.string({ maxLength: 140 }));
  const any = fc.oneof({ maxDepth: 3 }, fc.jsonValue({ maxDepth: 4 }), name, fc.integer(), fc.double(), fc.constant(null));
  const frame = fc.record(
    {
      type: fc.oneof(
        fc.constantFrom('join', 'leave', 'message', 'history', 'presence', 'query', 'delivered', 'typing', 'refresh', 'ping', 'welcome'),
        fc.string(),
        any,
      ),
      id: fc.oneof(fc.string({ maxLength: 70 }), any),
      room: fc.oneof(name, any),
      rooms: fc.oneof(fc.array(fc.oneof(fc.record({ room: name, since: any }, { requiredKeys: [] }), any), { maxLength: 5 }), any),
      since: fc.oneof(fc.record({ epoch: any, offset: any }, { requiredKeys: [] }), any),
      text: fc.oneof(fc.string({ maxLength: 250, unit: 'binary' }), any),
      data: any,
      before: any,
      limit: any,
      offset: any,
      query: fc.oneof(fc.constant('onLineNumber'), any),
      token: any,
      to: any,
      sessionId: any,
    },
    { requiredKeys: [] },
  );

  it('[F1] random frames: each connection lives or is closed with a code of the table', async () => {
    await withNeighbour();
    await fc.assert(
      fc.asyncProperty(fc.array(frame, { minLength: 1, maxLength: 8 }), async (frames) => {
        const answers: string[] = [];
        const mallory = await attacker((text) => answers.push(text));
        for (const item of frames) mallory.send(JSON.stringify(item));
        mallory.send('{"type":"ping","id":"the-end-of-it"}');
        const close = mallory.closed.then((end) => end.code);
        await within(
          10_000,
          `an answer to ${JSON.stringify(frames)}`,
          until(async () => answers.some((text) => text.includes('"the-end-of-it"')) || (mallory.socket.destroyed && (await close) > 0)),
        );
        for (const text of answers) expect(JSON.parse(text)).toHaveProperty('type');
        if (mallory.socket.destroyed) expect([1009, 4029]).toContain(await close);
        mallory.reset();
        await mallory.closed;
      }),
      { seed: random.seed, numRuns: 150 },
    );
  });

  it('[F1] random bytes after the handshake', async () => {
    await withNeighbour();
    await fc.assert(
      fc.asyncProperty(fc.array(fc.uint8Array({ minLength: 1, maxLength: 600 }), { minLength: 1, maxLength: 5 }), async (chunks) => {
        const mallory = await attacker();
        for (const chunk of chunks) if (!mallory.socket.destroyed) mallory.write(Buffer.from(chunk));
        await neighbour.request({ type: 'ping' });
        mallory.reset();
        await mallory.closed;
      }),
      { seed: random.seed, numRuns: 150 },
    );
  });

  it('[F1] valid frames cut into random fragments and packets', async () => {
    await withNeighbour();
    const texts: string[] = [];
    const mallory = await attacker((text) => texts.push(text));
    await fc.assert(
      fc.asyncProperty(
        fc.string({ maxLength: 60, unit: 'grapheme' }),
        fc.array(fc.nat({ max: 80 }), { maxLength: 6 }),
        async (pad, cuts) => {
          const id = `f${texts.length}-${Math.floor(random.next() * 2 ** 31)}`;
          const bytes = Buffer.from(JSON.stringify({ type: 'ping', id, pad }));
          const at = [0, ...cuts.filter((cut) => cut < bytes.length).sort((a, b) => a - b), bytes.length];
          for (let i = 0; i + 1 < at.length; i += 1) {
            const payload = bytes.subarray(at[i], at[i + 1]);
            mallory.write(rawFrame({ opcode: i === 0 ? TEXT : CONTINUATION, fin: i + 2 === at.length, payload }));
            if (i % 2 === 0) mallory.write(rawFrame({ opcode: 0x9, payload: Buffer.from('between') }));
          }
          await until(() => texts.some((text) => text.includes(`"${id}"`)), { everyMs: 1, describe: `pong ${id}` });
        },
      ),
      { seed: random.seed, numRuns: 100 },
    );
    await mallory.close();
  });
});
