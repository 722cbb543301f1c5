import { describe, expect, it } from 'vitest';
import { HubError } from '#libs/protocol/errors.ts';
import type { Person } from '#libs/protocol/frame-types.ts';
import { Assignment } from '#libs/rooms/assignment.ts';
import type { ConversationRecord } from '#libs/store/conversation-store.ts';

const zoe: Person = { id: 'zoe', name: 'Zoe' };
const max: Person = { id: 'max', name: 'Max' };

function world(presence: () => Promise<number[]>) {
  const given: string[] = [];
  const told: string[] = [];
  const kept: ConversationRecord[] = [];
  const assignment = new Assignment({
    conversations: {
      open: async ({ room, subject, customer, now }) => {
        kept.push({ room, subject, customer, agent: undefined, state: 'queued', createdAt: now });
        return 'made';
      },
      get: async () => kept[0],
      list: async () => ({ items: kept, next: undefined }),
      queued: async () => kept,
      reassign: async () => undefined,
      agentsAtWork: async () => [],
      assign: async (room, [agent], from) => {
        given.push(`${room} ${agent?.id} ${from}`);
        const [record] = kept;
        return record && { ...record, agent, state: 'assigned' };
      },
    },
    agents: { all: async () => [max] },
    presence: { sessions: presence },
    absences: { look: async () => ({ here: [], gone: [] }) },
    notifier: { membership: async (room, users) => void told.push(`${room} ${users.join()}`) },
    sendNotices: async () => void told.push('sent'),
    lifecycle: { close: async () => true },
    roomName: () => 'conv:x',
    now: () => 7,
  });
  return { assignment, given, told, kept };
}

describe('conversations', () => {
  it('[A10] are open even where nobody can tell who is online', async () => {
    const { assignment, given, told, kept } = world(() => Promise.reject(new HubError('UNAVAILABLE')));
    expect(await assignment.open(zoe, 'tea', false)).toEqual({
      record: { room: 'conv:x', subject: 'tea', customer: zoe, agent: undefined, state: 'queued', createdAt: 7 },
      made: true,
    });
    expect(kept).toHaveLength(1);
    expect([given, told]).toEqual([[], []]);
  });

  it('[A10] are given out only while they are queued, and only to who is online', async () => {
    const away = world(async () => [0]);
    await away.assignment.open(zoe, '', false);
    await away.assignment.sweep();
    expect(away.given).toEqual([]);
    const here = world(async () => [2]);
    expect(await here.assignment.open(zoe, '', false)).toMatchObject({ record: { state: 'assigned', agent: max } });
    await here.assignment.sweep();
    expect(here.given).toEqual(['conv:x max queued', 'conv:x max queued']);
    expect(here.told).toEqual(['conv:x zoe,max', 'sent', 'conv:x zoe,max', 'sent']);
  });

  it('[A10] a sweep in the middle of another does nothing', async () => {
    const { assignment, kept, given } = world(async () => [1]);
    kept.push({ room: 'conv:x', subject: '', customer: zoe, agent: undefined, state: 'queued', createdAt: 7 });
    await Promise.all([assignment.sweep(), assignment.sweep()]);
    expect(given).toHaveLength(1);
  });
});
