import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

import type { ClientEvents } from '#libs/client/index.ts';
import { SERVER_FRAMES, type ServerFrameRow } from '#libs/protocol/frames.ts';
import { ClientStage } from '#test/support/client-stage.ts';

const ROOT = join(import.meta.dirname, '..', '..', '..');
const SPEC = readFileSync(join(ROOT, 'SPEC.md'), 'utf8');
const read = (name: string): string => readFileSync(join(ROOT, 'libs', 'client', name), 'utf8');

/** Names of the client's events. */
function events(): string[] {
  const [, typed = ''] = read('client-events.ts').split('export interface ClientEvents {');
  return [...typed.matchAll(/^ {2}readonly (\w+):/gm)].map(([, name = '']) => name);
}

/** Frame names of the first column of a table of F. */
function frames(head: string): string[] {
  const [, table = ''] = SPEC.split(head);
  const rows = table.split('\n\n')[0]?.split('\n') ?? [];
  return [...new Set(rows.flatMap((row) => [...(row.split(' | ')[0] ?? '').matchAll(/`(\w+)/g)].map(([, name = '']) => name)))].sort();
}

describe('the contract', () => {
  it('[F] has a call for every frame that a client may send', async () => {
    const stage = await new ClientStage().connected();
    const { client } = stage;
    const calls = [
      client.join('park'),
      client.leave('park'),
      client.send('dm:x', 'hello'),
      client.history('park'),
      client.presence('park'),
      client.online(),
      client.refresh(),
      client.ping(),
    ];
    client.delivered('dm:x', 1);
    client.typing('dm:x');
    await stage.advance(0);
    expect([...new Set(stage.socket.sent.map(({ type }) => type))].sort()).toEqual(frames('| a client sends |'));
    client.close();
    await Promise.allSettled(calls);
  });

  it('[F] has an event for every frame that the server sends by itself', async () => {
    const stage = await new ClientStage().connected();
    const told: string[] = [];
    const asFrame = new Set<string>(['offline_message']);
    // `welcome` comes once, at the beginning of a connection.
    // What a feature brings comes to nobody who did not opt in, as this client.
    const rows: Readonly<Record<string, ServerFrameRow>> = SERVER_FRAMES;
    const types = frames('| the server sends |').filter((type) => type !== 'welcome' && rows[type]?.feature === undefined);
    expect(types).toContain('matched');
    expect(events()).toEqual(expect.arrayContaining(types.filter((type) => !asFrame.has(type))));
    for (const type of types) {
      const event = asFrame.has(type) ? 'message' : (type as keyof ClientEvents);
      const off = stage.client.on(event, () => told.push(type));
      stage.socket.say({ type, room: 'dm:x', offset: told.length, messages: [], message: { id: type, from: {}, text: '', at: 1 } });
      off();
    }
    expect(told).toEqual(types);
  });
});

it('events of the client alone have names that no frame has', () => {
  const own = ['status', 'frame', 'user_changed', 'room_lost'];
  expect(events().filter((name) => !(name in SERVER_FRAMES))).toEqual(own);
});

describe('the README', () => {
  it('has each event, and no other', () => {
    const [, table = ''] = read('README.md').split('| event |');
    const rows = table.split('\n\n')[0]?.split('\n') ?? [];
    const shown = rows.flatMap((row) => [...(row.split(' | ')[0] ?? '').matchAll(/`(\w+)`/g)].map(([, name]) => name));
    expect(events()).toContain('user_changed');
    expect(shown.toSorted()).toEqual(events().toSorted());
  });

  it('has each call, and each has an example', () => {
    const members = [...read('parley-client.ts').matchAll(/(\/\*\*(?:(?!\*\/).)*\*\/)\n {2}(?:async |get )?(\w+)[(<]/gs)];
    expect(members.map(([, , name]) => name)).toContain('sendTo');
    for (const [, comment, name] of members) {
      expect(comment, name).toContain('@example');
      if (name !== 'status' && name !== 'welcome') expect(read('README.md')).toContain(`\`${name}\``);
    }
  });
});

describe('a token', () => {
  it('is renewed when the application asks for it', async () => {
    const stage = await new ClientStage().connected();
    const renewed = stage.client.refresh();
    await stage.advance(0);
    expect(stage.asked).toEqual([false, true]);
    const { id, token } = stage.socket.last('refresh');
    expect(token).toBe('token');
    stage.socket.say({ type: 'refreshed', id, expiresAt: 1_800_000_000 });
    expect(await renewed).toBe(1_800_000_000);
  });

  it('that is not to be had, or not taken, is told', async () => {
    const stage = await new ClientStage().connected();
    stage.token = () => {
      throw new Error('away');
    };
    await expect(stage.client.refresh()).rejects.toMatchObject({ code: 'NO_TOKEN', message: 'away', retryable: true });
    stage.token = null;
    await expect(stage.client.refresh()).rejects.toMatchObject({ code: 'MISSING_TOKEN' });
    stage.token = 'of another';
    const refused = expect(stage.client.refresh()).rejects.toMatchObject({ code: 'FORBIDDEN' });
    await stage.advance(0);
    stage.socket.say({ type: 'error', id: stage.socket.last('refresh').id, code: 'FORBIDDEN', message: 'no', retryable: false });
    await refused;
    const cut = expect(stage.client.refresh()).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    await stage.advance(0);
    stage.socket.end(1006);
    await cut;
  });
});

describe('an application that gives no token', () => {
  it('holds up no renewal for longer than a request takes; the next one goes on', async () => {
    const stage = await new ClientStage().connected();
    let give = (_: string): void => {};
    stage.token = () =>
      new Promise<string>((resolve) => {
        give = resolve;
      });
    const hung = expect(stage.client.refresh()).rejects.toMatchObject({ code: 'TIMEOUT', retryable: true });
    await stage.advance(15_000);
    await hung;
    stage.token = 'next';
    const renewed = stage.client.refresh();
    // Too late for the first renewal.
    give('late');
    await stage.advance(0);
    expect(stage.socket.of('refresh').map(({ token }) => token)).toEqual(['next']);
    stage.socket.say({ type: 'refreshed', id: stage.socket.last('refresh').id, expiresAt: 1_800_000_000 });
    expect(await renewed).toBe(1_800_000_000);
  });

  it('keeps no process alive after the end of the client', async () => {
    const stage = await new ClientStage().connected();
    stage.token = () => new Promise<string>(() => undefined);
    const renewed = expect(stage.client.refresh()).rejects.toMatchObject({ code: 'CLOSED' });
    stage.client.close();
    await renewed;
    expect(stage.clock.pending).toBe(0);
  });
});

describe('a ping', () => {
  it('gives the time of the hub', async () => {
    const stage = await new ClientStage().connected();
    stage.socket.alive = false;
    const at = stage.client.ping();
    stage.socket.say({ type: 'pong', at: 1 });
    stage.socket.say({ type: 'pong', id: stage.socket.last('ping').id, at: 42 });
    expect(await at).toBe(42);
  });
});

describe('many rooms', () => {
  it('are joined by one frame for a hundred, and each has an answer of its own, in order', async () => {
    const stage = await new ClientStage().connected();
    await stage.entered('in');
    const names = Array.from({ length: 101 }, (_, i) => `room-${i}`);
    const asked = stage.client.joinAll([
      { room: 'room-0', since: { epoch: 'e1', offset: 2 } },
      ...names.map((room) => ({ room })),
      { room: 'in' },
    ]);
    const [, first, second] = stage.socket.of('join');
    expect(first?.rooms).toHaveLength(100);
    expect(first?.rooms).toMatchObject([
      { room: 'room-0', since: { epoch: 'e1', offset: 2 } },
      ...names.slice(1, 100).map((room) => ({ room })),
    ]);
    expect(second).toMatchObject({ room: 'room-100' });
    const answer = { type: 'joined', count: 1, epoch: 'e1', offset: 3, recovered: false, messages: [], more: false };
    for (const room of names.slice(1, 100)) stage.socket.say({ ...answer, id: first?.id, room });
    stage.socket.say({ type: 'error', id: first?.id, room: 'room-0', code: 'FORBIDDEN', message: 'no', retryable: false });
    stage.socket.say({ ...answer, id: second?.id, room: 'room-100' });
    await stage.advance(0);
    stage.socket.say({ type: 'history', id: stage.socket.last('history').id, room: 'in', messages: [], more: false });
    stage.socket.say({ type: 'presence', id: stage.socket.last('presence').id, room: 'in', count: 5, users: [] });
    const answers = await asked;
    expect(answers).toHaveLength(103);
    const brief = answers.map((one) => (one.status === 'fulfilled' ? [one.value.room, one.value.count] : one.reason.code));
    expect(brief.slice(0, 3)).toEqual(['FORBIDDEN', 'FORBIDDEN', ['room-1', 1]]);
    expect(brief.slice(-2)).toEqual([
      ['room-100', 1],
      ['in', 5],
    ]);
  });
});
