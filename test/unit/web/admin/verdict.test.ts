import { describe, expect, it } from 'vitest';
import { AdminError, type Hub, type HubNode, type Queue } from '#services/web/src/admin/admin-api.ts';
import type { HubSnapshot } from '#services/web/src/admin/queries.ts';
import { type Finding, findingsOf, verdictOf } from '#services/web/src/admin/verdict.ts';

const HUB: Hub = { version: '1.0.0', online: 3, redis: 'up', database: 'up', board: true, dashboardUrl: null };
const NODE: HubNode = {
  id: 'a',
  version: '1.0.0',
  uptime: 60,
  connections: 3,
  messagesPerSecond: 1,
  redisLag: 0.001,
  state: 'serving',
  silent: 1,
};
const QUEUE: Queue = { waiting: 0, active: 0, delayed: 0, failed: 0, oldestAge: 0 };
const known = <T>(value: T) => ({ value, error: undefined });

function picture(hub: Partial<Hub>, nodes: readonly Partial<HubNode>[] = [{}], mail: Partial<Queue> = {}): HubSnapshot {
  return {
    hub: known({ ...HUB, ...hub }),
    nodes: known(nodes.map((node) => ({ ...NODE, ...node }))),
    rooms: known([]),
    queues: known({ mail: { ...QUEUE, ...mail } }),
    online: known({ count: 0, users: [] }),
    at: 1,
    slow: false,
  };
}

const failed = (code: string): HubSnapshot => ({ ...picture({}), hub: { value: HUB, error: new AdminError(code, 'why') } });
const whats = (findings: readonly Finding[] | undefined) => findings?.map(({ what, severity }) => `${severity} ${what}`);

describe('the verdict of the admin page', () => {
  it('is that all is well where nothing is found', () => {
    const findings = findingsOf(picture({}));
    expect([findings, verdictOf(findings)]).toEqual([[], 'well']);
    expect(verdictOf(findingsOf(picture({ redis: 'none' })))).toBe('well');
  });

  it('[A13] tells of settings to change, and nobody has to get up for them', () => {
    const findings = findingsOf(picture({ warnings: ['PUBLIC_URL is http', 'JWT_SECRET has little entropy'] }));
    expect(whats(findings)).toEqual(['note setting', 'note setting']);
    expect(verdictOf(findings)).toBe('well');
  });

  it('[A13] tells of a key set that cannot be fetched, once for each host and cause', () => {
    const broken = { host: 'login.test', fetchedAt: 5000, problem: 'it answers 404' };
    const fine = { host: 'login.test', fetchedAt: 5000, problem: null };
    expect(findingsOf(picture({ keySet: fine }, [{ keySet: fine }]))).toEqual([]);
    const findings = findingsOf(picture({ keySet: broken }, [{ keySet: { ...broken, fetchedAt: 3000 } }, { keySet: fine }, {}]));
    expect(findings).toEqual([{ what: 'key-set', severity: 'warn', host: 'login.test', problem: 'it answers 404', fetchedAt: 3000 }]);
    // A gateway without keys refuses everybody of that login, whatever the others have.
    const without = findingsOf(picture({ keySet: broken }, [{ keySet: { ...broken, fetchedAt: null } }]));
    expect([whats(without), verdictOf(without)]).toEqual([['bad key-set'], 'bad']);
    expect(whats(findingsOf(picture({ keySet: broken }, [{ keySet: { ...broken, problem: 'it answers 500' } }])))).toHaveLength(2);
    expect(findingsOf(picture({}, [{ keySet: broken, state: 'lost', silent: 20 }, {}]))?.map(({ what }) => what)).not.toContain('key-set');
  });

  it('waits until something is known', () => {
    const unknown = { value: undefined, error: undefined };
    const findings = findingsOf({
      hub: unknown,
      nodes: unknown,
      rooms: unknown,
      queues: unknown,
      online: unknown,
      at: undefined,
      slow: false,
    });
    expect([findings, verdictOf(findings)]).toEqual([undefined, 'unknown']);
  });

  it.each([
    ['no answer', failed('NO_ANSWER'), ['bad no-answer']],
    ['a slow answer', { ...picture({}), slow: true }, ['warn slow']],
    ['a refusal', failed('MISSING_TOKEN'), ['bad refused']],
    ['Redis away', picture({ redis: 'down' }), ['bad redis-down']],
    ['PostgreSQL away', picture({ database: 'down' }), ['bad database-down']],
    ['no gateway', picture({}, []), ['bad no-gateway']],
    ['all lost', picture({}, [{ state: 'lost' }]), ['bad no-gateway', 'bad lost']],
    ['one lost', picture({}, [{}, { id: 'b', state: 'lost' }]), ['bad lost']],
    ['one lost a minute ago', picture({}, [{}, { id: 'b', state: 'lost', silent: 60 }]), ['note gone']],
    ['all lost a minute ago', picture({}, [{ state: 'lost', silent: 60 }]), ['bad no-gateway', 'bad lost']],
    [
      'one lost a minute ago, and one now',
      picture({}, [{}, { id: 'b', state: 'lost', silent: 99 }, { id: 'c', state: 'lost', silent: 12 }]),
      ['bad lost', 'note gone'],
    ],
    ['one draining', picture({}, [{}, { id: 'b', state: 'draining' }]), ['warn draining']],
    ['some lag', picture({}, [{ redisLag: 0.25 }]), ['warn lag']],
    ['much lag', picture({}, [{ redisLag: 1 }]), ['bad lag']],
    ['a queue that is slow', picture({}, [{}], { oldestAge: 15 }), ['warn queue']],
    ['a queue that stands', picture({}, [{}], { oldestAge: 60, failed: 2 }), ['bad queue', 'note failed']],
    ['two versions', picture({}, [{}, { id: 'b', version: '1.1.0' }]), ['note versions']],
  ] as const)('finds %s', (_, seen, expected) => {
    expect(whats(findingsOf(seen))).toEqual(expected);
    expect(verdictOf(findingsOf(seen))).toBe(expected[0]?.startsWith('note') ? 'well' : expected[0]?.split(' ')[0]);
  });

  it('leaves out what a lost gateway said last', () => {
    expect(whats(findingsOf(picture({}, [{}, { id: 'b', state: 'lost', redisLag: 9, version: '0.9.0' }])))).toEqual(['bad lost']);
  });

  it('tells the worst first, and does not call missing numbers missing gateways', () => {
    const seen = picture({ redis: 'down' }, [{ state: 'draining' }, { id: 'b' }], { failed: 1 });
    expect(whats(findingsOf(seen))).toEqual(['bad redis-down', 'warn draining', 'note failed']);
    const none = { ...seen, nodes: { value: [], error: new AdminError('UNAVAILABLE', '') } };
    expect(whats(findingsOf(none))).toEqual(['bad redis-down', 'note failed']);
  });
});
