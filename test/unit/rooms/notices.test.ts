import { describe, expect, it } from 'vitest';
import { HubError } from '#libs/protocol/errors.ts';
import type { Person } from '#libs/protocol/frame-types.ts';
import { type NoticeEvent, Notices, Notifier } from '#libs/rooms/notices.ts';
import type { RoomRecord } from '#libs/store/room-store.ts';

const ann: Person = { id: 'ann', name: 'Ann', kind: 'user' };
const bob: Person = { id: 'bob', name: 'Bob' };

const record: RoomRecord = {
  room: 'group:x',
  kind: 'group',
  title: 'Tea',
  owner: 'ann',
  keepHistory: true,
  historyFrom: 1,
  createdAt: 1,
  expiresAt: undefined,
  closedAt: undefined,
  closedReason: undefined,
};

function world() {
  const sent: string[] = [];
  const broker = { failures: 0 };
  const rooms = new Map([
    ['group:x', { room: record, members: [ann, bob] }],
    ['pair:x', { room: { ...record, room: 'pair:x', kind: 'pair', owner: '' } as const, members: [ann, bob] }],
    ['conv:x', { room: { ...record, room: 'conv:x', kind: 'conv' } as const, members: [ann, bob] }],
  ]);
  const notices = new Notices({
    rooms: { withMembers: async (room) => rooms.get(room) },
    kinds: { of: async () => 'guest' },
    broker: {
      emit: async (topic, payload) => {
        if (topic === 'u:bob' && broker.failures-- > 0) throw new HubError('UNAVAILABLE');
        sent.push(`${topic} ${payload}`);
      },
    },
  });
  const send = async (...events: NoticeEvent[]): Promise<string[]> => {
    await notices.send(events);
    return sent.splice(0);
  };
  return { notices, send, sent, broker };
}

const base = { at: 1, payload: {} };
const frame = (user: string, code: string, body: object) => `u:${user} ${JSON.stringify({ type: 'command', code, body })}`;

it('[A9] of a pair tell each of the other, whose kind is looked up if it was not known yet', async () => {
  const { send } = world();
  expect(await send({ ...base, kind: 'room_opened', seq: 1, room: 'pair:x', users: ['ann', 'bob'] })).toEqual([
    'u:ann {"type":"matched","room":"pair:x","with":{"id":"bob","name":"Bob","kind":"guest"}}',
    'u:bob {"type":"matched","room":"pair:x","with":{"id":"ann","name":"Ann","kind":"user"}}',
  ]);
  expect(await send({ ...base, kind: 'history_asked', seq: 2, room: 'pair:x', users: ['ann', 'bob'] })).toEqual([
    frame('bob', 'pair', { room: 'pair:x', keepHistory: 'asked' }),
  ]);
  const kept = { room: 'pair:x', keepHistory: 'kept' };
  expect(await send({ ...base, kind: 'room_changed', seq: 3, room: 'pair:x', users: [], payload: { keepHistory: true } })).toEqual([
    frame('ann', 'pair', kept),
    frame('bob', 'pair', kept),
  ]);
});

it('[A8] of a group tell whoever comes or goes, but not its owner that it is there', async () => {
  const { send } = world();
  const told = (action: string) => [frame('bob', 'room', { room: 'group:x', name: 'Tea', action })];
  expect(await send({ ...base, kind: 'room_opened', seq: 1, room: 'group:x', users: ['ann', 'bob'] })).toEqual(told('added'));
  expect(await send({ ...base, kind: 'member_joined', seq: 2, room: 'group:x', users: ['bob'] })).toEqual(told('added'));
  expect(await send({ ...base, kind: 'member_left', seq: 3, room: 'group:x', users: ['bob'] })).toEqual(told('removed'));
  expect(await send({ ...base, kind: 'room_changed', seq: 4, room: 'group:x', users: [], payload: { keepHistory: true } })).toEqual([]);
  expect(await send({ ...base, kind: 'member_left', seq: 5, room: 'group:gone', users: ['bob'] })).toEqual([]);
});

it('[A10] of a conversation tell all three when it changes hands, and nobody when it is opened or over', async () => {
  const { send } = world();
  const customer = { id: 'cleo', name: 'Cleo' };
  const event = { ...base, kind: 'conversation', seq: 1, room: 'conv:x' } as const;
  const payload = { subject: 'Help', customer };
  expect(await send({ ...event, users: ['cleo'], payload: { ...payload, state: 'queued' } })).toEqual([]);
  expect(await send({ ...event, users: ['ann', 'cleo'], payload: { ...payload, state: 'closed' } })).toEqual([]);
  const agent = { id: 'ann', name: 'Ann' };
  const body = {
    room: 'conv:x',
    state: 'assigned',
    subject: 'Help',
    customer: { ...customer, kind: 'customer' },
    agent: { ...agent, kind: 'agent' },
  };
  expect(await send({ ...event, users: ['ann', 'bob', 'cleo'], payload: { ...payload, state: 'assigned', agent } })).toEqual(
    ['ann', 'bob', 'cleo'].map((user) => frame(user, 'conversation', body)),
  );
  expect(await send({ ...base, kind: 'member_joined', seq: 2, room: 'conv:x', users: ['ann'] })).toEqual([]);
});

it('that could not be sent are tried again, and those before them are not sent twice', async () => {
  const { notices, sent, broker } = world();
  const events: NoticeEvent[] = ['ann', 'bob'].map((user, seq) => ({
    ...base,
    kind: 'member_joined',
    seq,
    room: 'group:x',
    users: [user],
  }));
  broker.failures = 1;
  await expect(notices.send(events)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  await notices.send(events);
  expect(sent.map((line) => line.split(' ')[0])).toEqual(['u:ann', 'u:bob']);
});

/** A broker that takes nothing for its first `failures` signals, and a wait that ends when the test says so. */
function signalWorld(failures: number) {
  const sent: string[] = [];
  const lost: unknown[] = [];
  const waits: (() => void)[] = [];
  let left = failures;
  const notices = new Notifier({
    broker: {
      emit: async (topic, payload) => {
        if (left-- > 0) throw new HubError('UNAVAILABLE');
        sent.push(`${topic} ${payload}`);
      },
    },
    wait: () => new Promise((resolve) => waits.push(resolve)),
    onLost: (error) => void lost.push(error),
  });
  const pass = async (): Promise<void> => {
    for (const done of waits.splice(0)) done();
    await new Promise(setImmediate);
  };
  return { notices, sent, lost, waits, pass };
}

const member = { id: 'member', name: 'Ann' };

describe('signals to gateways', () => {
  it('[A8] of a closed room go to the room, of a private one to its members', async () => {
    const { notices, sent } = signalWorld(0);
    await notices.closed('group:x', 'group', [member], 'expired');
    expect(sent.splice(0)).toEqual(['r:group:x ~cexpired']);
    await notices.closed('pair:x', 'pair', [member], 'closed');
    expect(sent).toEqual(['u:member {"type":"room_closed","room":"pair:x","reason":"closed"}']);
  });

  it('[A8] that cannot be sent are tried again behind the caller', async () => {
    const { notices, sent, lost, pass } = signalWorld(3);
    await notices.membership('group:x', ['member']);
    expect(sent).toEqual([]);
    await pass();
    await pass();
    expect(sent).toEqual([]);
    await pass();
    expect(sent).toEqual(['u:member ~xgroup:x']);
    expect(lost).toEqual([]);
  });

  it('[A8] are given up after a while, and that is told once', async () => {
    const { notices, sent, lost, waits, pass } = signalWorld(Number.POSITIVE_INFINITY);
    await notices.membership('group:x', ['member']);
    for (let n = 0; n < 50; n++) await pass();
    expect(lost).toHaveLength(1);
    expect(waits).toEqual([]);
    expect(sent).toEqual([]);
  });
});
