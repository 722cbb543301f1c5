import { describe, expect, it } from 'vitest';

import { ERRORS } from '#libs/protocol/errors.ts';
import { ClientStage } from '#test/support/client-stage.ts';

/** The client's state after a close, and how long it waits where it does. */
async function closedWith(code: number, reason: string): Promise<{ state: string; wait: number | undefined; reason: string | undefined }> {
  const stage = await new ClientStage().connected();
  stage.socket.end(code, reason);
  const { state, retryAt, reason: why } = stage.client.status;
  return { state, wait: retryAt === undefined ? undefined : retryAt - stage.clock.now(), reason: why?.code };
}

describe('table C', () => {
  it.each([
    [1006, '', 'NETWORK'],
    [1013, 'UNAVAILABLE', 'UNAVAILABLE'],
    [1013, 'OVERLOADED', 'OVERLOADED'],
    [4009, 'STATE_LOST', 'STATE_LOST'],
    [1001, '', 'NETWORK'],
    [1011, '', 'NETWORK'],
    [4444, 'NEW_CODE', 'NEW_CODE'],
    [1012, 'DRAINING', 'DRAINING'],
  ])('[C %i] %s backs off', async (code, reason, told) => {
    expect(await closedWith(code, reason)).toEqual({ state: 'reconnecting', wait: 1000, reason: told });
  });

  it.each([
    [1000, '', 'closed', 'CLOSED'],
    [1009, 'TOO_LARGE', 'closed', 'TOO_LARGE'],
    [4500, 'MISSING_TOKEN', 'refused', 'MISSING_TOKEN'],
    [4503, 'FORBIDDEN', 'refused', 'FORBIDDEN'],
    [4503, 'ORIGIN_DENIED', 'refused', 'ORIGIN_DENIED'],
    [4509, 'SESSION_REPLACED', 'closed', 'SESSION_REPLACED'],
    [4510, 'BANNED', 'closed', 'BANNED'],
    [4510, 'LOGGED_OUT', 'closed', 'LOGGED_OUT'],
    [4999, 'NEW_CODE', 'closed', 'NEW_CODE'],
  ])('[C %i] %s is final: %s', async (code, reason, state, told) => {
    expect(await closedWith(code, reason)).toEqual({ state, wait: undefined, reason: told });
  });

  it('knows what to do at every code of the table', async () => {
    for (const [reason, { close }] of Object.entries(ERRORS)) {
      if (close === 0) continue;
      const { state } = await closedWith(close, reason);
      expect(state === 'reconnecting', reason).toBe(close < 4500 && close !== 1009);
    }
  });

  it('[C 1012] comes back when it was told to', async () => {
    const stage = await new ClientStage().connected();
    stage.socket.say({ type: 'draining', reconnectIn: 3.5 });
    stage.socket.end(1012, 'DRAINING');
    expect(stage.client.status).toMatchObject({ state: 'reconnecting', retryAt: stage.clock.now() + 3500, reason: { code: 'DRAINING' } });
    await stage.advance(3499);
    expect(stage.sockets).toHaveLength(1);
    await stage.advance(1);
    expect(stage.sockets).toHaveLength(2);
    // What was said for one time is not used for the next.
    stage.socket.end(1012, 'DRAINING');
    expect(stage.client.status.retryAt).not.toBe(stage.clock.now() + 3500);
  });

  it('[C 4029] stays away for the seconds of the reason', async () => {
    expect(await closedWith(4029, 'RATE_LIMITED 10')).toEqual({ state: 'reconnecting', wait: 10_000, reason: 'RATE_LIMITED' });
    expect(await closedWith(4029, 'RATE_LIMITED')).toEqual({ state: 'reconnecting', wait: 1000, reason: 'RATE_LIMITED' });
  });

  it('[C 4510] tells the words of whoever did it', async () => {
    const stage = await new ClientStage().connected();
    stage.socket.say({ type: 'kicked', reason: 'DISCONNECTED', by: 'maintenance until noon' });
    stage.socket.end(4510, 'DISCONNECTED maintenance');
    expect(stage.client.status).toMatchObject({
      state: 'closed',
      reason: { code: 'DISCONNECTED', closeCode: 4510, message: 'maintenance until noon' },
    });
  });

  it.each([
    ['BANNED 1700000900000 Be kind to  all.', { until: 1_700_000_900_000, message: 'Be kind to  all.' }],
    ['BANNED 1700000900000', { until: 1_700_000_900_000 }],
    ['BANNED', {}],
    ['DISCONNECTED 12 o’clock', { message: '12 o’clock' }],
  ])('[C 4510] [A17] tells of a ban until when and why: %s', async (reason, told) => {
    const stage = await new ClientStage().connected();
    stage.socket.end(4510, reason);
    expect(stage.client.status.reason).toEqual({ code: reason.split(' ')[0], closeCode: 4510, ...told });
  });

  it('[C 4510] [A17] the frame before the close has the reason in full', async () => {
    const stage = await new ClientStage().connected();
    stage.socket.say({ type: 'kicked', reason: 'BANNED', by: 'a long reason', until: 1_700_000_900_000 });
    stage.socket.end(4510, 'BANNED 1700000900000 a lo');
    expect(stage.client.status.reason).toMatchObject({ code: 'BANNED', until: 1_700_000_900_000, message: 'a long reason' });
  });

  it('[A17] a token that is refused because of a ban is final: it tells until when and why', async () => {
    const banned = Object.assign(new Error('403'), { code: 'BANNED', until: 1_700_000_900_000, reason: 'Be kind.' });
    const stage = new ClientStage({ getToken: () => Promise.reject(banned) });
    stage.client.connect();
    await stage.advance(0);
    expect(stage.client.status).toMatchObject({
      state: 'closed',
      reason: { code: 'BANNED', until: 1_700_000_900_000, message: 'Be kind.' },
    });
  });

  it('rejects what waits when it is final, and can begin anew', async () => {
    const stage = await new ClientStage().connected();
    await stage.entered('park', 3);
    const said = stage.client.send('park', 'x');
    stage.socket.end(4510, 'LOGGED_OUT');
    await expect(said).rejects.toMatchObject({ code: 'CLOSED' });
    await expect(stage.client.send('park', 'y')).rejects.toMatchObject({ code: 'CLOSED' });
    await stage.connected();
    expect(stage.client.status).toEqual({ state: 'connected', attempt: 1 });
    expect(stage.socket.last('join')).toMatchObject({ room: 'park', since: { epoch: 'e1', offset: 3 } });
    expect(stage.socket.of('message')).toEqual([]);
  });
});

describe('tokens', () => {
  it('[C 4001] gets one fresh token at once; that one refused too, it asks to log in', async () => {
    const stage = await new ClientStage().connected();
    stage.socket.end(4001, 'TOKEN_EXPIRED');
    await stage.advance(0);
    expect(stage.asked).toEqual([false, true]);
    stage.socket.end(4001, 'TOKEN_EXPIRED');
    await stage.advance(60_000);
    expect(stage.sockets).toHaveLength(2);
    expect(stage.client.status).toMatchObject({ state: 'refused', reason: { code: 'TOKEN_EXPIRED', closeCode: 4001 } });
  });

  it('[C 4001] does not run in circles where each fresh token is refused a moment later', async () => {
    const stage = await new ClientStage().connected();
    for (let i = 0; i < 3; i += 1) {
      stage.socket.end(4001, 'TOKEN_EXPIRED');
      await stage.advance(i === 0 ? 0 : 10_000);
      stage.welcome();
    }
    stage.socket.end(4001, 'TOKEN_EXPIRED');
    expect((stage.client.status.retryAt ?? 0) - stage.clock.now()).toBeGreaterThan(1000);
  });

  it('is refused where nobody is logged in, until told to connect', async () => {
    const stage = new ClientStage();
    stage.token = null;
    stage.client.connect();
    await stage.advance(60_000);
    expect(stage.client.status).toMatchObject({ state: 'refused', reason: { code: 'MISSING_TOKEN' } });
    expect(stage.sockets).toHaveLength(0);
    stage.token = 'token';
    await stage.connected();
    expect(stage.client.status.state).toBe('connected');
  });

  it('asks again later where getToken throws', async () => {
    const stage = new ClientStage();
    stage.token = () => {
      throw new Error('the login server is away');
    };
    stage.client.connect();
    await stage.advance(0);
    expect(stage.client.status).toMatchObject({ state: 'reconnecting', reason: { code: 'NO_TOKEN', message: 'the login server is away' } });
    stage.token = 'token';
    await stage.advance(1000);
    stage.welcome();
    expect(stage.client.status.state).toBe('connected');
  });

  it('does not come back with a token that is about to end', async () => {
    const stage = new ClientStage();
    await stage.connected({ expiresAt: stage.clock.now() / 1000 + 40 });
    await stage.advance(15_000);
    await stage.reconnected();
    expect(stage.asked).toEqual([false, true]);
  });

  it('renews it in band', async () => {
    const stage = await new ClientStage().connected();
    stage.token = 'second';
    stage.socket.say({ type: 'token_expiring', expiresAt: stage.clock.now() / 1000 + 60 });
    await stage.advance(0);
    expect(stage.asked).toEqual([false, true]);
    const { id, token } = stage.socket.last('refresh');
    expect(token).toBe('second');
    stage.socket.say({ type: 'refreshed', id, expiresAt: stage.clock.now() / 1000 + 3600 });
    await stage.advance(30_000);
    expect(stage.socket.of('refresh')).toHaveLength(1);
  });

  it('is asked for at most once for each notice', async () => {
    const stage = await new ClientStage().connected();
    stage.token = () => {
      throw new Error('away');
    };
    stage.socket.say({ type: 'token_expiring', expiresAt: stage.clock.now() / 1000 + 10 });
    await stage.advance(15_000);
    expect(stage.asked).toEqual([false, true]);
    stage.token = 'second';
    stage.socket.end(4001, 'TOKEN_EXPIRED');
    await stage.advance(0);
    expect(stage.asked).toEqual([false, true, true]);
  });
});
