import { beforeEach, describe, expect, test } from 'vitest';
import { type OutgoingMessage, Publisher, type PublisherOptions } from '#libs/hub/frames/publisher.ts';
import { MembershipValidity } from '#libs/hub/rooms/membership-validity.ts';
import type { Connection } from '#libs/hub/sessions/connection.ts';
import { Faults } from '#libs/hub/sessions/faults.ts';
import type { MessageRequest, Written } from '#libs/messages/message-writer.ts';
import { type Membership, Retention, Standing } from '#libs/messages/room-access.ts';
import { HubError } from '#libs/protocol/errors.ts';
import { WatchedBackground } from '#test/support/background.ts';
import { muteStats } from '#test/support/mute-stats.ts';
import { turn } from '#test/support/turn.ts';

interface UnderWay {
  readonly resolve: (written: Written) => void;
  readonly reject: (error: unknown) => void;
}

let now: number;
let underWay: UnderWay[];
let answers: string[];
let publisher: Publisher;
/** Settled once the bytes of the next messages are drawn; undefined: they are there. */
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
    bytes: { take: () => credit === undefined, draw: () => credit ?? Promise.resolve() },
    writer: {
      write: (request) => {
        written = request;
        return new Promise((resolve, reject) => underWay.push({ resolve, reject }));
      },
    },
    access,
    validity,
    acks: { size: 0, send: (to, _room, _offset, frame) => void to.send(frame) },
    stats: muteStats(hot),
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
  room: () => undefined,
  sendError: (id: string, error: HubError, room?: string) => answers.push(`${id} ${error.code} ${error.retryAfter} ${room}`),
} as unknown as Connection;

const MESSAGE: OutgoingMessage = { id: 'c', room: 'r', text: 'hi', data: undefined, joined: undefined, frameBytes: 2 };

function say(count: number, retention: Retention = Retention.stream): void {
  for (let i = 0; i < count; i += 1) publisher.publish(connection, { room: 'r', retention, members: undefined }, MESSAGE);
}

/** One more message is answered BUSY. */
function expectBusy(retention?: Retention): void {
  const before = publisher.inFlight;
  answers = [];
  say(1, retention);
  expect(answers).toEqual(['c BUSY 1 r']);
  expect(publisher.inFlight).toBe(before);
}

/** The oldest message is acked after so many milliseconds. */
async function ackAfter(milliseconds: number): Promise<void> {
  now += milliseconds;
  underWay.shift()?.resolve({ id: 'm', offset: 1, at: now });
  await turn();
}

describe('pushing back on publishers', () => {
  test.each([
    ['50 ms', Retention.stream, 50],
    ['100 ms, of stored messages,', Retention.history, 100],
  ] as const)('acks within %s are no sign of load, later ones are', async (_, retention, slowMs) => {
    say(100, retention);
    for (let i = 0; i < 9; i += 1) await ackAfter(i === 0 ? slowMs : 0);
    say(1, retention);
    for (let i = 0; i < 8; i += 1) await ackAfter(i === 0 ? 1 : 0);
    expectBusy(retention);
  });

  test('a node whose acks take longer than 50 ms says BUSY above 64 under way, until they come in time again', async () => {
    say(76);
    for (let i = 0; i < 7; i += 1) await ackAfter(i === 0 ? 51 : 0);
    // A few may be retries.
    say(1);
    await ackAfter(0);
    expectBusy();
    expect(publisher.inFlight).toBe(69);
    for (let i = 0; i < 6; i += 1) await ackAfter(0);
    // Below that slow answers say nothing about the node.
    say(1);
    expectBusy();
    const young = underWay.pop();
    young?.resolve({ id: 'm', offset: 2, at: now });
    await turn();
    say(200);
    expect(publisher.inFlight).toBe(263);
  });

  test('no more than 4,096 are under way, however fast they are answered', () => {
    say(4096);
    expectBusy();
    expect(hot.received).toBe(4096);
  });

  test('messages that wait for the database hold back no others', () => {
    say(4096, Retention.history);
    expectBusy(Retention.history);
    say(1, Retention.stream);
    say(1, Retention.none);
  });

  test('those that wait for the credit of their sender are under way, until it is granted and answered, or refused', async () => {
    const redis = Promise.withResolvers<void>();
    credit = redis.promise;
    say(4095);
    const refusal = Promise.withResolvers<void>();
    credit = refusal.promise;
    say(1);
    expect([publisher.inFlight, underWay.length]).toEqual([4096, 0]);
    expectBusy();
    refusal.reject(new HubError('RATE_LIMITED'));
    answers = [];
    await turn();
    expect(answers).toEqual(['c RATE_LIMITED undefined r']);
    expect(publisher.inFlight).toBe(4095);
    redis.resolve();
    await ackAfter(0);
    expect([publisher.inFlight, underWay.length]).toEqual([4095, 4095]);
    while (underWay.length > 0) await ackAfter(0);
    expect(publisher.inFlight).toBe(0);
  });

  test('those that wait for a pass are under way, until it is there and the message answered, or refused', async () => {
    const store = Promise.withResolvers<Membership>();
    for (let i = 0; i < 4096; i += 1) publisher.publishOnceMember(connection, () => store.promise, MESSAGE);
    expect(publisher.inFlight).toBe(4096);
    expectBusy(Retention.history);
    // Nothing is asked for a message that is refused.
    answers = [];
    publisher.publishOnceMember(connection, () => Promise.reject(new Error('asked')), MESSAGE);
    expect(answers).toEqual(['c BUSY 1 r']);
    answers = [];
    store.reject(new HubError('UNAVAILABLE'));
    await turn();
    expect(answers).toEqual(new Array(4096).fill('c NOT_STORED 1 r'));
    expect(publisher.inFlight).toBe(0);
    const granted = Promise.withResolvers<Membership>();
    publisher.publishOnceMember(connection, () => granted.promise, MESSAGE);
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
        draw: () => Promise.reject(new Error('drawn')),
      },
    });
    refusing.publish(connection, { room: 'r', retention: Retention.stream, members: undefined }, MESSAGE);
    expect(answers).toEqual(['c RATE_LIMITED undefined r']);
    expect(refusing.inFlight).toBe(0);
  });

  test('[M1] each is answered once: with its ack, or with why there is none', async () => {
    say(2);
    underWay[1]?.reject(new HubError('NOT_STORED'));
    await ackAfter(5);
    expect(answers.map((answer) => (answer.startsWith('{') ? JSON.parse(answer).type : answer)).toSorted()).toEqual([
      'ack',
      'c NOT_STORED undefined r',
    ]);
    expect(publisher.inFlight).toBe(0);
  });
});

describe('[R7] a room that changes while a message is under way', () => {
  const pass: Membership = { room: 'dm:x', retention: Retention.history, members: ['ada', 'old'] };

  test('is told of to those who are in it by then', async () => {
    publisher.publish(connection, pass, MESSAGE);
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
    publisher.publish(connection, pass, MESSAGE);
    standing = now;
    validity.changedAll();
    granted.resolve();
    await turn();
    expect(answers).toEqual([`c ${code} undefined r`]);
    expect([publisher.inFlight, underWay.length]).toEqual([0, 0]);
  });

  test('takes the message of who is in it still', async () => {
    const granted = Promise.withResolvers<void>();
    credit = granted.promise;
    publisher.publish(connection, pass, MESSAGE);
    validity.changed('dm:x');
    granted.resolve();
    await turn();
    expect(underWay).toHaveLength(1);
  });
});
