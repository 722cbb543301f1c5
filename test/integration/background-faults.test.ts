import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Backend } from '#libs/backend/backend.ts';
import { HubStage, type StageClient } from '#test/support/hub-stage.ts';
import { until } from '#test/support/wait.ts';

/** Methods of ports that meet a bug, `port.method`, at the next so many calls that fit. */
const bugs = new Map<string, { times: number; readonly fits: (argument: unknown) => boolean }>();

function breaks(method: string, fits: (argument: unknown) => boolean = () => true, times = 1): void {
  bugs.set(method, { times, fits });
}

/** A port as it is, but for its bugs. */
function withBugs<T extends object>(name: string, port: T): T {
  return new Proxy(port, {
    get(target, key) {
      const value: unknown = Reflect.get(target, key, target);
      if (typeof value !== 'function') {
        if (isBroken(`${name}.${String(key)}`, undefined)) throw new TypeError(`a bug in ${name}.${String(key)}`);
        return value;
      }
      return (...args: unknown[]) =>
        isBroken(`${name}.${String(key)}`, args[0])
          ? Promise.reject(new TypeError(`a bug in ${name}.${String(key)}`))
          : Reflect.apply(value, target, args);
    },
  });
}

function isBroken(method: string, argument: unknown): boolean {
  const bug = bugs.get(method);
  if (bug === undefined || bug.times === 0 || !bug.fits(argument)) return false;
  bug.times -= 1;
  return true;
}

const between = (backend: Backend): Backend => ({
  ...backend,
  broker: withBugs('broker', backend.broker),
  presence: withBugs('presence', backend.presence),
  store: { ...backend.store, cursors: withBugs('cursors', backend.store.cursors), messages: withBugs('messages', backend.store.messages) },
});

let stage: HubStage;
let serial = 0;
beforeAll(async () => {
  stage = await HubStage.start({ env: { SESSIONS: 'single' }, between });
});
beforeEach(() => {
  bugs.clear();
  stage.background.faults.length = 0;
  serial += 1;
});
afterAll(() => stage?.stop());

/** Two users whom nobody else is, and a message of the first to the second. */
async function pair(): Promise<{ ann: StageClient; bob: string; say: (text: string) => Promise<void> }> {
  const [from, bob] = [`ann-${serial}`, `bob-${serial}`];
  await leave(await connect(bob));
  const ann = await connect(from);
  const say = async (text: string): Promise<void> => {
    ann.send({ type: 'message', id: text, to: bob, text });
    await ann.until(() => ann.frames.some(({ type, id }) => type === 'ack' && id === text));
  };
  return { ann, bob, say };
}

async function connect(sub: string, login = 'one'): Promise<StageClient> {
  const client = await stage.connect({ sub, login });
  await client.until(() => client.closed !== undefined || client.frames.some(({ type }) => type === 'offline_messages_complete'));
  return client;
}

async function leave(client: StageClient): Promise<void> {
  const { id } = client.connection.user;
  client.close();
  await until(async () => (await stage.backend.presence.sessions([id]))[0] === 0);
}

const texts = (client: StageClient): string[] =>
  client.frames.flatMap(({ type, message }) =>
    type === 'message' || type === 'offline_message' ? [(message as { text: string }).text] : [],
  );

const ended = (client: StageClient): Promise<void> => client.until(() => client.closed !== undefined);
const RETRYABLE = { code: 1013, reason: 'UNAVAILABLE' };

describe('a bug in what nobody waits for ends no process, and', () => {
  it('[M6] offline delivery: the client connects again, and is delivered everything', async () => {
    const { bob, say } = await pair();
    await say('while away');
    breaks('messages.after');
    const first = await connect(bob);
    expect(first.closed).toEqual(RETRYABLE);
    expect(stage.background.faults).toEqual(['offline-messages']);
    expect(stage.background.lines.at(-1)).toMatchObject({ task: 'offline-messages', name: 'TypeError', reason: 'a bug in messages.after' });
    expect(texts(await connect(bob))).toEqual(['while away']);
  });

  it('[M6] a cursor that is moved: the message comes again', async () => {
    const { bob, say } = await pair();
    await say('seen');
    const first = await connect(bob);
    const { room, offset } = first.frames.find(({ type }) => type === 'offline_message') ?? { type: 'none' };
    for (const place of [offset, (offset ?? 0) + 1]) {
      breaks('cursors.advance', () => true, 1);
      first.send({ type: 'delivered', room, offset: place });
      await until(() => bugs.get('cursors.advance')?.times === 0);
    }
    await until(() => stage.background.faults.length === 2);
    expect(first.closed).toBeUndefined();
    await leave(first);
    expect(texts(await connect(bob))).toEqual(['seen']);
    expect(stage.background.faults).toEqual(['cursors', 'cursors']);
  });

  it('[M6] a cursor that is moved before its message is stored, too', async () => {
    const { bob, say } = await pair();
    await say('seen');
    const first = await connect(bob);
    const { room, offset } = first.frames.find(({ type }) => type === 'offline_message') ?? { type: 'none' };
    first.send({ type: 'delivered', room, offset: (offset ?? 0) + 7 });
    breaks('cursors.advance');
    await until(() => stage.background.faults.length > 0);
    expect(stage.background.faults).toEqual(['cursors']);
    expect(first.closed).toBeUndefined();
  });

  it('[R5] a private message: the client connects again, and it is there', async () => {
    const { bob, say } = await pair();
    const first = await connect(bob);
    breaks('cursors.delivered', (user) => user === bob);
    await say('live');
    await ended(first);
    expect(first.closed).toEqual(RETRYABLE);
    expect(stage.background.faults).toEqual(['private-rooms']);
    expect(texts(await connect(bob))).toEqual(['live']);
  });

  it('[R5] the making good of one user: others are made good', async () => {
    const { ann, bob, say } = await pair();
    const there = await connect(bob);
    await say('before');
    await there.until(() => texts(there).includes('before'));
    breaks('cursors.waiting', (user) => user === ann.connection.user.id);
    breaks('presence.counts');
    const pids = await stage.command('CLIENT', 'KILL', 'TYPE', 'pubsub');
    expect(pids).toBeGreaterThan(0);
    await ended(ann);
    expect(ann.closed).toEqual(RETRYABLE);
    expect(there.closed).toBeUndefined();
    await until(() => stage.background.faults.includes('counts') && stage.background.faults.includes('private-rooms'));
    // Counts are asked for again.
    bugs.set('presence.counts', { times: 0, fits: () => true });
  });

  it('[R4] logins that are compared: whoever may be outdated is compared as they come back', async () => {
    const user = `ann-${serial}`;
    const old = await connect(user, 'old');
    breaks('presence.outdated');
    const young = await connect(user, 'young');
    await ended(old);
    expect(old.closed).toEqual(RETRYABLE);
    expect(stage.background.faults).toEqual(['logins']);
    expect((await connect(user, 'old')).closed?.code).toBe(4509);
    expect(young.closed).toBeUndefined();
  });

  it('a signal: its user connects again', async () => {
    const { ann } = await pair();
    ann.connection.deliver = () => {
      throw new TypeError('a bug');
    };
    await stage.backend.broker.emit(`u:${ann.connection.user.id}`, '{"type":"inform"}');
    await ended(ann);
    expect(ann.closed).toEqual(RETRYABLE);
    expect(stage.background.faults).toEqual(['signals']);
  });

  it('[R5] members who are told: they are told again', async () => {
    const { bob, say } = await pair();
    const there = await connect(bob);
    breaks('broker.emit', (topic) => topic === `u:${bob}`);
    await say('again');
    await there.until(() => texts(there).includes('again'));
    expect(stage.background.faults).toEqual(['member-signals']);
  });

  it('presence that is given back, and counts that are pushed: the hub goes on', async () => {
    const { ann } = await pair();
    breaks('presence.disconnect');
    breaks('presence.onlineCount');
    ann.close();
    await until(() => stage.background.faults.includes('presence') && stage.background.faults.includes('counts'));
    const other = await connect(`other-${serial}`);
    await other.until(() => other.frames.some(({ type }) => type === 'online'));
  });
});
