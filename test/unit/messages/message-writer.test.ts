import { describe, expect, it } from 'vitest';
import type { Broker, PublishRequest } from '#libs/broker/broker.ts';
import { MessageWriter, messageId } from '#libs/messages/message-writer.ts';
import { Retention } from '#libs/messages/room-access.ts';
import { HubError } from '#libs/protocol/errors.ts';
import type { MessageStore, StoredMessage } from '#libs/store/message-store.ts';
import { WatchedBackground } from '#test/support/background.ts';

const NOW = 1_700_000_000_000;
const AWAY = new HubError('UNAVAILABLE');

class Stage {
  readonly published: PublishRequest[] = [];
  readonly appended: StoredMessage[] = [];
  readonly told: string[] = [];
  readonly waits: number[] = [];
  emitFailures = 0;
  /** What `append` answers next; the place asked for where it is empty. */
  readonly answers: (Awaited<ReturnType<MessageStore['append']>> | Error)[] = [];
  readonly writer: MessageWriter;

  constructor() {
    const broker: Pick<Broker, 'publish' | 'emit'> = {
      publish: async (request) => {
        this.published.push(request);
        return { offset: this.published.length, epoch: 'e', at: request.at, repeated: false };
      },
      emit: async (topic) => {
        this.emitFailures -= 1;
        if (this.emitFailures >= 0) throw AWAY;
        this.told.push(topic);
      },
    };
    const append = async (message: StoredMessage) => {
      this.appended.push(message);
      const answer = this.answers.shift() ?? { offset: message.offset, epoch: message.epoch, at: message.at };
      if (answer instanceof Error) throw answer;
      return answer;
    };
    const wait = async (ms: number): Promise<void> => void this.waits.push(ms);
    this.writer = new MessageWriter({
      broker,
      messages: { append },
      messageMaxChars: 200,
      conversationMaxChars: 2000,
      dataMaxBytes: 12,
      now: () => NOW,
      wait,
      background: new WatchedBackground(),
    });
  }

  /** Who is in the room once a message has its place. */
  members: (() => Promise<readonly string[]>) | undefined;

  say(clientId: string | undefined = 'c1', data?: unknown, { room = 'dm:x', text = 'hi' } = {}) {
    const membership = { room, retention: Retention.history, members: ['ada', 'bob'] };
    return this.writer.write({
      membership,
      ...(this.members && { members: this.members }),
      userId: 'ada',
      sender: '{"id":"ada","name":"Ada"}',
      clientId,
      text,
      data: JSON.stringify(data),
    });
  }
}

describe('MessageWriter', () => {
  it('[M1] answers with where the store has the message, though it was published elsewhere', async () => {
    const stage = new Stage();
    stage.answers.push({ offset: 40, epoch: 'older', at: NOW - 9 });
    expect(await stage.say()).toEqual({ id: messageId('dm:x', 'ada', 'c1'), offset: 40, at: NOW - 9 });
  });

  it('[M3] a place that is taken is given up for a new one, three times at most', async () => {
    const stage = new Stage();
    stage.answers.push('conflict', 'conflict');
    expect((await stage.say()).offset).toBe(3);
    expect(stage.published.map(({ forceNew }) => forceNew === true)).toEqual([false, true, true]);
    expect(new Set(stage.published.map(({ key }) => key)).size).toBe(1);
    stage.answers.push('conflict', 'conflict', 'conflict');
    await expect(stage.say('c2')).rejects.toMatchObject({ code: 'NOT_STORED', retryable: true });
  });

  it('[M1] without the store nobody is acked nor told, and the next is refused unsaid', async () => {
    const stage = new Stage();
    stage.answers.push(AWAY);
    await expect(stage.say()).rejects.toMatchObject({ code: 'NOT_STORED', retryable: true });
    expect(() => stage.say()).toThrow(expect.objectContaining({ code: 'NOT_STORED' }));
    expect(stage.published).toHaveLength(1);
    expect(stage.told).toEqual([]);
  });

  it('[R5] members are told of what is stored, if need be once the backend is back, and the ack does not wait for that', async () => {
    const stage = new Stage();
    stage.emitFailures = 5;
    expect((await stage.say()).offset).toBe(1);
    await expect.poll(() => stage.told.toSorted()).toEqual(['u:ada', 'u:bob']);
    expect(stage.waits).toHaveLength(5);
  });

  it('[R7] [R5] told are those who are members once it is stored, asked until there is an answer', async () => {
    const stage = new Stage();
    let asked = 0;
    stage.members = async () => {
      asked += 1;
      expect(stage.appended).toHaveLength(1);
      if (asked < 3) throw AWAY;
      return ['ada', 'cleo'];
    };
    await stage.say();
    await expect.poll(() => stage.told.toSorted()).toEqual(['u:ada', 'u:cleo']);
    expect(asked).toBe(3);
  });

  it('[R5] it gives up on members once their connections must have ended', async () => {
    const stage = new Stage();
    stage.emitFailures = Number.POSITIVE_INFINITY;
    await stage.say();
    await expect.poll(() => stage.waits.length).toBe(120);
    expect(stage.waits.slice(0, 60).reduce((sum, ms) => sum + ms, 0)).toBe(30_000);
  });
});

it('[F2] a `data` over the limit in bytes of its JSON is refused by name, one at the limit is taken', async () => {
  const stage = new Stage();
  // Ten characters and two quotes; then ten bytes of five characters, one more.
  await stage.say('a', 'x'.repeat(10));
  await stage.say('b', 'é'.repeat(5));
  for (const data of ['x'.repeat(11), 'é'.repeat(6), { a: 123456789 }])
    expect(() => stage.say('c', data)).toThrow(
      expect.objectContaining({ code: 'MESSAGE_TOO_LONG', message: expect.stringContaining('`data`') }),
    );
  expect(stage.appended).toHaveLength(2);
});

it('[F2] a text may be longer in a conversation than elsewhere', async () => {
  const stage = new Stage();
  const long = '😀'.repeat(2000);
  await stage.say('a', undefined, { room: 'conv:x', text: long });
  for (const message of [
    { room: 'conv:x', text: `${long}x` },
    { room: 'dm:x', text: 'x'.repeat(201) },
    { room: 'park', text: 'x'.repeat(201) },
  ])
    expect(() => stage.say('b', undefined, message)).toThrow(expect.objectContaining({ code: 'MESSAGE_TOO_LONG' }));
  expect(stage.appended).toHaveLength(1);
});

describe('messageId', () => {
  it('[M2] is derived from room, user and the client id, and from nothing else', () => {
    expect(messageId('park', 'u', '1')).toBe(messageId('park', 'u', '1'));
    expect(messageId('park', 'u', '1')).toMatch(/^[\w-]{22}$/);
    const ids = [
      messageId('park', 'u', '1'),
      messageId('park', 'u', '2'),
      messageId('park', 'v', '1'),
      messageId('other', 'u', '1'),
      messageId('park', 'u\0', '1'),
    ];
    expect(new Set(ids).size).toBe(ids.length);
  });
});
