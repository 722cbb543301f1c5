/** What is read of a room takes its time: whoever lost the room meanwhile gets none of it (R7). */
import { beforeEach, describe, expect, test } from 'vitest';
import { FrameHandler, type FrameHandlerOptions } from '#libs/hub/frames/frame-handler.ts';
import { MembershipValidity } from '#libs/hub/rooms/membership-validity.ts';
import { LocalUser } from '#libs/hub/sessions/local-user.ts';
import { type Membership, Retention } from '#libs/messages/room-access.ts';
import { RoomHistory } from '#libs/messages/room-history.ts';
import { HubError } from '#libs/protocol/errors.ts';
import type { StoredMessage, StoredPage } from '#libs/store/message-store.ts';
import { WatchedBackground } from '#test/support/background.ts';
import { openConnection } from '#test/support/unit-connection.ts';

const ROOM = 'group:x';
const MESSAGE: StoredMessage = {
  room: ROOM,
  offset: 1,
  epoch: 'e',
  id: 'm1',
  sender: '{"id":"bob","name":"Bob"}',
  text: 'secret',
  data: undefined,
  at: 1_700_000_000_000,
};

let now: number;
let refusal: HubError | undefined;
let asked: number;
/** Runs as the page, or presence, is read. */
let meanwhile: () => void;

function pass(): Membership {
  asked += 1;
  if (refusal !== undefined) throw refusal;
  return { room: ROOM, retention: Retention.history, members: undefined };
}

const before = async (): Promise<StoredPage> => {
  meanwhile();
  return { messages: [MESSAGE], more: false };
};

beforeEach(() => {
  [now, refusal, asked] = [1000, undefined, 0];
  meanwhile = () => undefined;
});

describe('a frame that reads', () => {
  let validity: MembershipValidity;
  let sent: string[];
  let receive: (frame: object) => Promise<void>;

  beforeEach(() => {
    validity = new MembershipValidity(() => now);
    validity.known(0);
    sent = [];
    const options = {
      access: { enterByName: () => undefined, enter: async () => pass(), read: async () => pass().retention },
      validity,
      messages: { before },
      presence: {
        room: async () => {
          meanwhile();
          return { count: 1, users: [{ id: 'secret', name: 'Bob', kind: 'user' }] };
        },
      },
      faults: { report: (error: unknown) => HubError.from(error) },
      background: new WatchedBackground(),
      frameLimits: { rate: 0, burst: 1 },
      pageLimits: { rate: 0, burst: 1 },
      clock: { steady: () => now, now: () => now },
    } as unknown as FrameHandlerOptions;
    const handler = new FrameHandler(options);
    const connection = openConnection(new LocalUser('ann', 'Ann', 'user', Promise.resolve()), (frame) => sent.push(frame));
    receive = async (frame) => {
      handler.receive(connection, JSON.stringify(frame));
      await expect.poll(() => sent).toHaveLength(1);
    };
  });

  test.each(['history', 'presence'])('[R7] `%s`: of a room that is lost meanwhile nothing comes', async (type) => {
    meanwhile = () => {
      refusal = new HubError('FORBIDDEN');
      validity.changed(ROOM);
    };
    await receive({ type, id: '1', room: ROOM });
    expect(JSON.parse(sent[0] ?? '')).toMatchObject({ type: 'error', id: '1', code: 'FORBIDDEN', room: ROOM });
    expect(sent[0]).not.toContain('secret');
  });

  test.each(['history', 'presence'])('[R7] `%s`: nor where the node lost sight of its changes, and the store is away', async (type) => {
    meanwhile = () => {
      refusal = new HubError('UNAVAILABLE');
      now += 2001;
    };
    await receive({ type, id: '1', room: ROOM });
    expect(JSON.parse(sent[0] ?? '')).toMatchObject({ type: 'error', code: 'UNAVAILABLE' });
  });

  test.each(['history', 'presence'])('[R7] `%s`: of one that is kept it comes, asked again only where something changed', async (type) => {
    await receive({ type, id: '1', room: ROOM });
    expect(sent[0]).toContain('secret');
    expect(asked).toBe(1);
    sent.length = 0;
    meanwhile = () => validity.changed(ROOM);
    await receive({ type, id: '2', room: ROOM });
    expect(sent[0]).toContain('secret');
    expect(asked).toBe(2);
  });
});

describe('history over HTTP', () => {
  const history = new RoomHistory({
    access: { read: async () => pass().retention },
    messages: { before },
    broker: { before: () => Promise.reject(new HubError('UNAVAILABLE')) },
    steady: () => now,
  });
  const read = (): Promise<string> => history.page({ userId: 'ann', name: 'Ann', kind: 'user' }, ROOM, 9, 10);

  test('[R7] a read that took long asks again whether the reader may have it', async () => {
    meanwhile = () => {
      now += 501;
      refusal = new HubError('FORBIDDEN');
    };
    await expect(read()).rejects.toMatchObject({ code: 'FORBIDDEN' });
    refusal = undefined;
    meanwhile = () => {
      now += 501;
    };
    expect(await read()).toContain('secret');
  });

  test('[R7] a quick one asks once', async () => {
    expect(await read()).toContain('secret');
    expect(asked).toBe(1);
  });
});
