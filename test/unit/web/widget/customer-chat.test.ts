import { beforeEach, describe, expect, it } from 'vitest';
import type { ParleyClient } from '#libs/client/index.ts';
import { UnsentTexts } from '#services/web/src/conversation/unsent-texts.ts';
import type { BrowserLogin } from '#services/web/src/login/browser-login.ts';
import { CustomerChat } from '#services/web/src/widget/customer-chat.ts';
import { CustomerMemory } from '#services/web/src/widget/customer-memory.ts';
import { FakeChatClient, FakeTimers, refusal, settled as settle } from '#test/support/fake-chat-client.ts';

const OPENED = { room: 'conv:1', state: 'queued', customer: { id: 'c', name: 'Cy', kind: 'customer' } } as const;

let client: FakeChatClient;
let memory: CustomerMemory;
let calls: string[];
let answer: PromiseWithResolvers<unknown>;
let chat: CustomerChat;

const waiting = () => chat.view.getState().thread?.view.getState().outbox ?? [];
const lines = (): string[] => waiting().map(({ text, state }) => `${text} ${state}`);

beforeEach(async () => {
  client = Object.assign(new FakeChatClient(), { connect: () => undefined, close: () => undefined });
  const kept = new Map<string, string>();
  memory = new CustomerMemory(
    {
      getItem: (key) => kept.get(key) ?? null,
      setItem: (key, value) => void kept.set(key, value),
      removeItem: (key) => void kept.delete(key),
    },
    'shop',
  );
  calls = [];
  answer = Promise.withResolvers();
  chat = new CustomerChat({
    login: {
      user: { id: 'c', name: 'Cy', kind: 'customer' },
      resume: async () => true,
      enterOnce: async (_path: string, _body: object, _key: () => string, kept: (user: object) => void) => kept({ id: 'c' }),
      call: (method: string, path: string) => {
        calls.push(`${method} ${path}`);
        return path === '/rooms' ? Promise.resolve({ rooms: [] }) : answer.promise;
      },
    } as unknown as BrowserLogin,
    memory,
    channel: 'shop',
    metadata: () => ({}),
    connect: () => client as unknown as ParleyClient,
    timers: new FakeTimers(),
    unsentOf: (owner) => new UnsentTexts({ storage: undefined, key: 'unsent', owner, onRisk: () => undefined }),
    uuid: () => `key${calls.length}`,
  });
  await chat.begin('Cy');
});

describe('the first words of a customer', () => {
  it('open one conversation, however many there are before it is there, and go out in order', async () => {
    chat.publish('hello');
    chat.publish('are you there?');
    await settle();
    expect(lines()).toEqual(['hello pending', 'are you there? pending']);
    answer.resolve(OPENED);
    await settle();
    await client.answer('join conv:1', { messages: [] });
    await settle();
    expect(calls.filter((call) => call.startsWith('POST'))).toEqual(['POST /conversations']);
    expect(client.calls.filter((call) => call.startsWith('send')).map((call) => call.replace(/ id\d+/, ''))).toEqual([
      'send conv:1 hello',
      'send conv:1 are you there?',
    ]);
    expect(lines()).toEqual(['hello pending', 'are you there? pending']);
  });

  it('are not overtaken by what is written while the room is entered', async () => {
    chat.publish('hello');
    await settle();
    answer.resolve(OPENED);
    await settle();
    expect(chat.view.getState().thread?.room).toBe('conv:1');
    chat.publish('are you there?');
    await settle();
    await client.answer('join conv:1', { messages: [] });
    await settle();
    expect(client.calls.filter((call) => call.startsWith('send')).map((call) => call.replace(/ id\d+/, ''))).toEqual([
      'send conv:1 hello',
      'send conv:1 are you there?',
    ]);
  });

  it('are all kept where the hub is away, and all go out at the next try', async () => {
    chat.publish('hello');
    chat.publish('anybody?');
    await settle();
    answer.reject(refusal('UNREACHABLE'));
    await settle();
    expect(lines()).toEqual(['hello failed', 'anybody? failed']);
    answer = Promise.withResolvers();
    chat.view.getState().thread?.retry(waiting()[0]?.id ?? '');
    answer.resolve(OPENED);
    await settle();
    await client.answer('join conv:1', { messages: [] });
    await settle();
    expect(client.calls.filter((call) => call.startsWith('send'))).toHaveLength(2);
  });
});

describe('the end of the connection', () => {
  it.each([
    ['LOGGED_OUT', false],
    ['TOKEN_EXPIRED', false],
    ['DISCONNECTED', true],
    ['BANNED', true],
    ['FORBIDDEN', true],
  ])('%s: the customer is known afterwards: %s', (code, known) => {
    expect(memory.customer).toBeDefined();
    client.emit('status', { state: 'closed', reason: { code } });
    expect(chat.view.getState().phase).toBe('refused');
    expect(memory.customer !== undefined).toBe(known);
  });
});
