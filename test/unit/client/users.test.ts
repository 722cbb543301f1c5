import { describe, expect, it } from 'vitest';

import type { ClientEvents } from '#libs/client/index.ts';
import { ClientStage } from '#test/support/client-stage.ts';

const BOB = { user: { id: 'bob', name: 'Bob', kind: 'user' } };

/** The line breaks, and the next one is of another user. */
async function changed(stage: ClientStage): Promise<void> {
  stage.socket.end(1006);
  await stage.advance(10_000);
  stage.welcome(BOB);
  await stage.advance(0);
}

describe('another user', () => {
  it('[M2] says nothing and asks nothing that waited for the one before', async () => {
    const stage = await new ClientStage().connected();
    await stage.entered('park', 5);
    stage.hears('dm:x', 1);
    stage.hears('dm:x', 2);
    const asked = [stage.client.send('dm:x', 'on its way'), stage.client.history('park'), stage.client.join('group:x')];
    stage.socket.end(1006);
    asked.push(
      stage.client.send('park', 'written while away'),
      stage.client.send('group:x', 'for the room'),
      stage.client.online() as never,
    );
    const dropped = asked.map((one) => expect(one).rejects.toMatchObject({ code: 'USER_CHANGED', message: /Ada.*Bob/, retryable: false }));
    await stage.advance(10_000);
    stage.welcome(BOB);
    await stage.advance(20_000);
    await Promise.all(dropped);
    expect(stage.socket.sent.filter(({ type }) => type !== 'ping')).toEqual([]);
  });

  it('is told, after the welcome', async () => {
    const stage = await new ClientStage().connected();
    const told: unknown[] = [];
    stage.client.on('welcome', ({ user }) => told.push(user.id));
    stage.client.on('user_changed', (event: ClientEvents['user_changed']) => told.push(event, stage.client.welcome?.user.id));
    await stage.reconnected();
    await changed(stage);
    expect(told).toEqual(['ada', 'bob', { before: { id: 'ada', name: 'Ada', kind: 'user' }, ...BOB }, 'bob']);
  });

  it('begins in no room, and from the start in those that are joined', async () => {
    const stage = await new ClientStage().connected();
    await stage.entered('park', 5);
    await changed(stage);
    void stage.client.join('park').catch(() => {});
    expect(stage.socket.of('join')).toEqual([{ type: 'join', id: expect.any(String), room: 'park' }]);
    void stage.client.send('dm:x', 'mine');
    expect(stage.socket.last('message')).toMatchObject({ text: 'mine' });
  });

  it('keeps what was asked for since it was told to connect again', async () => {
    const stage = await new ClientStage().connected();
    await stage.entered('park', 5);
    stage.socket.end(4510, 'LOGGED_OUT');
    stage.client.connect();
    void stage.client.join('lobby').catch(() => {});
    void stage.client.send('dm:x', 'mine');
    await stage.connected(BOB);
    expect(stage.socket.last('join')).toMatchObject({ room: 'lobby' });
    expect(stage.socket.last('message')).toMatchObject({ text: 'mine' });
    await changed(stage);
    expect(stage.socket.of('join')).toHaveLength(1);
  });

  it('is not given a token that was asked for on the line before', async () => {
    const stage = await new ClientStage().connected();
    let give = (_: string): void => {};
    stage.token = () =>
      new Promise<string>((resolve) => {
        give = resolve;
      });
    const renewed = expect(stage.client.refresh()).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    stage.token = 'of bob';
    await changed(stage);
    give('of ada');
    await renewed;
    expect(stage.socket.of('refresh')).toEqual([]);
  });
});
