import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';

import type { Presence } from '#libs/presence/presence.ts';
import { HubStage, type StageClient } from '#test/support/hub-stage.ts';
import { signToken } from '#test/support/jwt.ts';
import { until } from '#test/support/wait.ts';

let stage: HubStage;
beforeAll(async () => {
  stage = await HubStage.start({ env: { OPEN_ROOMS: 'off' } });
});
afterAll(() => stage.stop());

async function heard(client: StageClient, id: string): Promise<(typeof client.frames)[number]> {
  await client.until(() => client.frames.some((frame) => frame.id === id));
  return client.frames.find((frame) => frame.id === id) ?? { type: 'none' };
}

/** The text of the first frame with this content, as it was sent. */
function textOf(client: StageClient, part: string): string | undefined {
  return client.texts.find((text) => text.includes(part));
}

describe('a refreshed token', () => {
  it('[F6] with fewer rooms leaves the others, and with more opens them', async () => {
    const ada = await stage.connect({ sub: 'ada', rooms: ['a', 'live:b', 'c*'] });
    const bob = await stage.connect({ sub: 'bob', rooms: ['*'] });
    for (const room of ['a', 'live:b', 'c1', 'park']) {
      ada.send({ type: 'join', id: `j-${room}`, room });
      expect(await heard(ada, `j-${room}`)).toMatchObject({ type: 'joined' });
    }
    ada.send({ type: 'refresh', id: 'r', token: signToken({ sub: 'ada', name: 'Ada II', rooms: ['c*', 'd'] }) });
    expect(await heard(ada, 'r')).toMatchObject({ type: 'refreshed' });
    await ada.until(() => ada.frames.filter(({ type }) => type === 'left').length === 2);
    expect(ada.frames.flatMap(({ type, room, id }) => (type === 'left' ? [[room, id]] : []))).toEqual([
      ['a', undefined],
      ['live:b', undefined],
    ]);
    bob.send({ type: 'join', id: 'j', rooms: [{ room: 'a' }, { room: 'c1' }] });
    await bob.until(() => bob.ledger.unanswered.length === 0);
    for (const room of ['a', 'c1']) bob.send({ type: 'message', id: `m-${room}`, room, text: `to ${room}` });
    await ada.until(() => textOf(ada, 'to c1') !== undefined);
    expect(textOf(ada, 'to a')).toBeUndefined();
    ada.send({ type: 'join', id: 'd', room: 'd' });
    expect(await heard(ada, 'd')).toMatchObject({ type: 'joined' });
    ada.send({ type: 'message', id: 'm', room: 'c1', text: 'new name' });
    await ada.until(() => textOf(ada, 'new name') !== undefined);
    expect(textOf(ada, 'new name')).toContain('"from":{"id":"ada","name":"Ada II","kind":"user"}');
    for (const client of [ada, bob]) client.close();
  });

  it('[F6] ends joins that are under way and that it does not open', async () => {
    const ada = await stage.connect({ sub: 'ada', rooms: ['e'] });
    await ada.until(() => ada.frames.length > 0);
    ada.send({ type: 'refresh', id: 'r', token: signToken({ sub: 'ada', rooms: [] }) });
    ada.send({ type: 'join', id: 'j', room: 'e' });
    await ada.until(() => ada.ledger.unanswered.length === 0);
    expect(await heard(ada, 'j')).toMatchObject({ type: 'error', room: 'e', code: 'FORBIDDEN' });
    expect(ada.connection.rooms).toEqual([]);
    ada.close();
  });
});

describe('frames that come together', () => {
  it('[F5] a message right behind the join of an open room finds the room joined', async () => {
    const ada = await stage.connect({ sub: 'ada', rooms: ['*'] });
    await ada.until(() => ada.frames.length > 0);
    for (const room of ['live:behind', 'behind']) {
      ada.send({ type: 'join', id: `j-${room}`, room });
      ada.send({ type: 'message', id: `m-${room}`, room, text: 'first' });
      expect(await heard(ada, `m-${room}`)).toMatchObject({ type: 'ack', room });
      expect(await heard(ada, `j-${room}`)).toMatchObject({ type: 'joined', room });
    }
    ada.close();
  });

  it('[F5] messages that wait for the membership of their sender keep their order, and so do those after them', async () => {
    const ada = await stage.connect({ sub: 'ada-alone', rooms: ['*'] });
    await ada.until(() => ada.frames.length > 0);
    const ids = Array.from({ length: 40 }, (_, at) => `own-${at}`);
    const send = (id: string): void => ada.send({ type: 'message', id, to: 'ada-alone', text: id });
    ids.slice(0, 20).forEach(send);
    await heard(ada, 'own-0');
    ids.slice(20).forEach(send);
    const answers: unknown[] = [];
    for (const id of ids) answers.push(await heard(ada, id));
    expect(answers).toMatchObject(ids.map((id, at) => ({ type: 'ack', id, message: { offset: at + 1 } })));
    ada.close();
  });
});

describe('what is sent', () => {
  it.each([
    ['[12345678901234567890,1e400,-0,1.0,0.12345678901234567890]', 'numbers'],
    ['{"b":1,"1":2,"__proto__":{"x":1},"a":{"c":1,"c":2}}', 'names'],
    ['"\\ud800\\u0000 \\u00e9"', 'characters'],
    ['{ "spaces" : [ 1 , 2 ] }', 'blanks'],
    ['null', 'nothing'],
  ])('[F7] as data is the same live, in pages and from the store: %s', async (data, what) => {
    const ada = await stage.connect({ sub: 'ada', rooms: ['*'] });
    for (const room of ['park', 'stream', 'live:x']) {
      ada.send({ type: 'join', id: `j-${room}`, room });
      await heard(ada, `j-${room}`);
      ada.raw(`{"type":"message","id":"m-${room}-${what}","room":"${room}","text":"${what}\\ud800","data":${data},"more":{"data":1}}`);
      await heard(ada, `m-${room}-${what}`);
      await ada.until(() =>
        ada.texts.some(
          (text) => text.includes('"type":"message"') && text.includes(`"room":"${room}"`) && text.includes(`"${what}\\ud800"`),
        ),
      );
    }
    for (const room of ['park', 'stream']) {
      ada.send({ type: 'history', id: `h-${room}`, room });
      await heard(ada, `h-${room}`);
    }
    const texts = ada.texts.filter((text) => text.includes(`"${what}\\ud800"`));
    expect(texts).toHaveLength(5);
    for (const text of texts) expect(text).toContain(`"text":"${what}\\ud800","data":${data},"at":`);
    ada.close();
  });

  it('[F7] with an id or a receiver of half a character is refused', async () => {
    const ada = await stage.connect({ sub: 'ada', rooms: ['*'] });
    await ada.until(() => ada.frames.length > 0);
    ada.raw('{"type":"ping","id":"\\ud800"}');
    ada.raw('{"type":"message","id":"to","to":"\\udc00","text":"x"}');
    ada.raw('{"type":"ping","id":"\\ud83d\\ude00"}');
    await heard(ada, '😀');
    expect(ada.frames.filter(({ type }) => type === 'error')).toMatchObject([
      { code: 'INVALID_REQUEST' },
      { id: 'to', code: 'INVALID_REQUEST' },
    ]);
    ada.close();
  });
});

describe('presence', () => {
  it('shows the first 100 by name', async () => {
    const names = Array.from({ length: 130 }, (_, index) => `n${(index * 37) % 130}`);
    const clients = await Promise.all(names.map((name, index) => stage.connect({ sub: `u${index}`, name, rooms: ['*'] })));
    for (const client of clients) client.send({ type: 'join', id: 'j', room: 'many' });
    await Promise.all(clients.map((client) => client.until(() => client.ledger.unanswered.length === 0)));
    const [first] = clients;
    if (first === undefined) throw new Error('nobody');
    first.send({ type: 'presence', id: 'p', room: 'many' });
    const { count, users } = await heard(first, 'p');
    expect(count).toBe(130);
    expect(users?.map(({ name }) => name)).toEqual(names.toSorted().slice(0, 100));
    for (const client of clients) client.close();
  });
});

describe('welcome', () => {
  it('[H6] is the first frame also where another login is announced meanwhile', async () => {
    const asked = Promise.withResolvers<void>();
    const answer = Promise.withResolvers<void>();
    const single = await HubStage.start({
      env: { SESSIONS: 'single' },
      between: (backend) => {
        const presence: Presence = new Proxy(backend.presence, {
          get(target, name) {
            const member: unknown = Reflect.get(target, name, target);
            if (typeof member !== 'function') return member;
            if (name !== 'outdated' && name !== 'connect') return member.bind(target);
            return async (...args: unknown[]) => {
              if (name === 'outdated') {
                asked.resolve();
                await answer.promise;
              } else await backend.broker.emit('u:ada', '~kother');
              return await Reflect.apply(member, target, args);
            };
          },
        });
        return { ...backend, presence };
      },
    });
    try {
      const ada = await single.connect({ sub: 'ada', login: 'one' });
      await asked.promise;
      const held = vi.spyOn(ada.connection, 'deliver');
      ada.send({ type: 'ping', id: 'p' });
      ada.send({ type: 'join', id: 'j', room: 'park' });
      await single.backend.broker.emit('u:ada', '{"type":"inform","body":1}');
      await until(() => held.mock.calls.length > 0, { everyMs: 1 });
      expect(ada.frames).toEqual([]);
      answer.resolve();
      await ada.until(() => ada.ledger.unanswered.length === 0);
      expect(ada.frames[0]).toMatchObject({ type: 'welcome' });
      expect(ada.frames.map(({ type }) => type)).toContain('inform');
      ada.close();
    } finally {
      answer.resolve();
      await single.stop();
    }
  });
});
