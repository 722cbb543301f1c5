import { beforeEach, describe, expect, test } from 'vitest';
import { Publisher, type PublisherOptions } from '#libs/hub/frames/publisher.ts';
import { MembershipValidity } from '#libs/hub/rooms/membership-validity.ts';
import type { Connection } from '#libs/hub/sessions/connection.ts';
import { Faults } from '#libs/hub/sessions/faults.ts';
import type { MessageRequest, Written } from '#libs/messages/message-writer.ts';
import { type Membership, Retention, Standing } from '#libs/messages/room-access.ts';
import { HubError } from '#libs/protocol/errors.ts';
import { WatchedBackground } from '#test/support/background.ts';
import { turn } from '#test/support/turn.ts';

interface UnderWay {
  readonly resolve: (written: Written) => void;
  readonly reject: (error: unknown) => void;
}

let now: number;
let underWay: UnderWay[];
let answers: string[];
let publisher: Publisher;
let credit: Promise<void> | undefined;
let validity: MembershipValidity;
let standing: Standing;
let written: MessageRequest | undefined;
/** Who is in the private room by now. */
const access = { standing: async () => standing, members: async () => ['ada', 'new'] };
const hot = { received: 0, delivered: 0, bytesSent: 0 };

beforeEach(() => {
  [now, underWay, answers] = [1000, [], []];
  credit = undefined;
  written = undefined;
  standing = Standing.member;
  validity = new MembershipValidity(() => now);
  hot.received = 0;
  publisher = publisherWith({});
});

function publisherWith(options: Partial<PublisherOptions>): Publisher {
  return new Publisher({
    bytes: { take: () => credit },
    writer: {
      write: (request) => {
        written = request;
        return new Promise((resolve, reject) => underWay.push({ resolve, reject }));
      },
    },
    access,
    validity,
    stats: { hot, delivery: () => undefined, recovered: () => undefined, rateLimited: () => undefined },
    background: new WatchedBackground(),
    faults: new Faults({ log: { error: () => undefined }, met: () => undefined }),
    steady: () => now,
    ...options,
  });
}

const connection = {
  user: { id: 'ada', json: () => '{"id":"ada","name":"Ada","kind":"user"}' },
  bearer: { kind: 'user' },
  send: (frame: string) => answers.push(frame),
  sendError: (id: string, error: HubError) => answers.push(`${id} ${error.code}`),
} as unknown as Connection;

function say(count: number, retention: Retention = Retention.stream): void {
  for (let i = 0; i < count; i += 1)
    void publisher.publish(connection, { room: 'r', retention } as Membership, { id: 'c', text: 'hi', data: undefined }, 2);
}

/** The oldest message is acked after so many milliseconds. */
async function ackAfter(milliseconds: number): Promise<void> {
  now += milliseconds;
  underWay.shift()?.resolve({ id: 'm', offset: 1, at: now });
  await turn();
}

const busy = (): unknown => expect.objectContaining({ code: 'BUSY', retryable: true, retryAfter: 1 });

describe('pushing back on publishers', () => {
  test('a node whose acks take longer than a second says BUSY above 64 under way, until they come in time again', async () => {
    say(66);
    await ackAfter(1001);
    expect(() => say(1)).toThrow(busy());
    expect(publisher.inFlight).toBe(65);
    await ackAfter(0);
    expect(() => say(1)).toThrow(busy());
    await ackAfter(0);
    // Below that a slow answer says nothing about the node.
    say(1);
    expect(() => say(1)).toThrow(busy());
    while (publisher.inFlight > 1) await ackAfter(0);
    say(1);
    const young = underWay.pop();
    young?.resolve({ id: 'm', offset: 2, at: now });
    await turn();
    say(200);
    expect(publisher.inFlight).toBe(201);
  });

  test('no more than 4,096 are under way, however fast they are answered', () => {
    say(4096);
    expect(() => say(1)).toThrow(busy());
    expect(hot.received).toBe(4096);
  });

  test('messages that wait for the database hold back no others', () => {
    say(4096, Retention.history);
    expect(() => say(1, Retention.history)).toThrow(busy());
    say(1, Retention.stream);
    say(1, Retention.none);
  });

  test('those that wait for the credit of their sender are under way, until it is granted and answered, or refused', async () => {
    const redis = Promise.withResolvers<void>();
    credit = redis.promise;
    say(4095);
    const refusal = Promise.withResolvers<void>();
    credit = refusal.promise;
    const last = publisher.publish(
      connection,
      { room: 'r', retention: Retention.stream } as Membership,
      { id: 'c', text: 'hi', data: undefined },
      2,
    );
    expect([publisher.inFlight, underWay.length]).toEqual([4096, 0]);
    expect(() => say(1)).toThrow(busy());
    refusal.reject(new HubError('RATE_LIMITED'));
    await expect(last).rejects.toMatchObject({ code: 'RATE_LIMITED' });
    expect(publisher.inFlight).toBe(4095);
    redis.resolve();
    await ackAfter(0);
    expect([publisher.inFlight, underWay.length]).toEqual([4095, 4095]);
    while (underWay.length > 0) await ackAfter(0);
    expect(publisher.inFlight).toBe(0);
  });

  test('those that wait for a pass are under way, until it is there and the message answered, or refused', async () => {
    const store = Promise.withResolvers<Membership>();
    const held = Array.from({ length: 4096 }, (_, at) =>
      publisher.publish(connection, store.promise, { id: `${at}`, text: 'hi', data: undefined }, 2),
    );
    expect(publisher.inFlight).toBe(4096);
    expect(() => say(1, Retention.history)).toThrow(busy());
    store.reject(new HubError('NOT_STORED'));
    await Promise.allSettled(held);
    expect(publisher.inFlight).toBe(0);
    const granted = Promise.withResolvers<Membership>();
    void publisher.publish(connection, granted.promise, { id: 'c', text: 'hi', data: undefined }, 2);
    granted.resolve({ room: 'dm:x', retention: Retention.history, members: undefined });
    await expect.poll(() => underWay.length).toBe(1);
    expect(publisher.inFlight).toBe(1);
    await ackAfter(0);
    expect(publisher.inFlight).toBe(0);
  });

  test('one that is refused at once is not under way', () => {
    const refusing = publisherWith({
      bytes: {
        take: () => {
          throw new HubError('RATE_LIMITED');
        },
      },
    });
    const pass = { room: 'r', retention: Retention.stream } as Membership;
    expect(() => refusing.publish(connection, pass, { id: 'c', text: 'hi', data: undefined }, 2)).toThrow(
      expect.objectContaining({ code: 'RATE_LIMITED' }),
    );
    expect(refusing.inFlight).toBe(0);
  });

  test('[M1] each is answered once: with its ack, or with why there is none', async () => {
    say(2);
    underWay[1]?.reject(new HubError('NOT_STORED'));
    await ackAfter(5);
    expect(answers.map((answer) => (answer.startsWith('{') ? JSON.parse(answer).type : answer)).toSorted()).toEqual([
      'ack',
      'c NOT_STORED',
    ]);
    expect(publisher.inFlight).toBe(0);
  });
});

describe('[R7] a room that changes while a message is under way', () => {
  const pass: Membership = { room: 'dm:x', retention: Retention.history, members: ['ada', 'old'] };
  const message = { id: 'c', text: 'hi', data: undefined };

  test('is told of to those who are in it by then', async () => {
    void publisher.publish(connection, pass, message, 2);
    expect(await written?.members?.()).toEqual(['ada', 'old']);
    validity.changed('dm:y');
    expect(await written?.members?.()).toEqual(['ada', 'old']);
    validity.changed('dm:x');
    expect(await written?.members?.()).toEqual(['ada', 'new']);
  });

  test.each([
    [Standing.stranger, 'FORBIDDEN'],
    [Standing.expired, 'ROOM_CLOSED'],
    [Standing.closed, 'ROOM_CLOSED'],
  ])('gets nothing of who waited for byte credit and is a %s by then', async (now, code) => {
    const granted = Promise.withResolvers<void>();
    credit = granted.promise;
    const said = publisher.publish(connection, pass, message, 2);
    standing = now;
    validity.changedAll();
    granted.resolve();
    await expect(said).rejects.toMatchObject({ code });
    expect([publisher.inFlight, underWay.length]).toEqual([0, 0]);
  });

  test('takes the message of who is in it still', async () => {
    const granted = Promise.withResolvers<void>();
    credit = granted.promise;
    const said = publisher.publish(connection, pass, message, 2);
    validity.changed('dm:x');
    granted.resolve();
    await said;
    expect(underWay).toHaveLength(1);
  });
});
