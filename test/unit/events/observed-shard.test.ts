import fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import type { ObservedEvent } from '#libs/events/events.ts';
import { ObservedShard } from '#libs/events/observed-shard.ts';
import { EDGE_LIMITS, type PresenceEdges, type Subject } from '#libs/presence/presence-edges.ts';
import { PresenceMemory, PresenceSpace } from '#libs/presence/presence-memory.ts';
import { person } from '#test/support/presence-node.ts';

const PACE = { graceMs: 3000, reconcileMs: 60_000, settleMs: 10_000, holdMs: 5000 };
const START = 1_700_000_000_000;

/** Presence in this process, a clock that stands still, and observers that take turns when they are told to. */
class Stage {
  /** Milliseconds since the start. */
  time = 0;
  readonly space = new PresenceSpace(() => START + this.time);
  readonly node = new PresenceMemory({ emit: async () => undefined }, { space: this.space });
  /** Edges of these are lost on the way. */
  readonly lost = new Set<Subject>();
  isFailing = false;
  /** `<seconds> <kind> <name>`, with the time of the event. */
  readonly events: string[] = [];
  #lives = 0;

  readonly edges: PresenceEdges = {
    shards: 1,
    read: async (shard, request) => {
      const page = await this.space.edges.read(shard, request);
      return page.state === 'busy' ? page : { ...page, edges: page.edges.filter(({ subject }) => !this.lost.has(subject)) };
    },
    record: (shard, holder, report) => this.space.edges.record(shard, holder, report),
    recorded: () => this.space.edges.recorded(),
    present: () => this.space.edges.present(),
    absent: (shard, subjects) => this.space.edges.absent(shard, subjects),
  };

  observer(): ObservedShard {
    this.#lives += 1;
    return new ObservedShard({
      edges: this.edges,
      shard: 0,
      holder: `observer ${this.#lives}`,
      handle: async (events) => this.handle(events),
      clock: () => this.time,
      pace: PACE,
    });
  }

  handle(events: readonly ObservedEvent[]): void {
    if (this.isFailing) throw new Error('the consumer is away');
    for (const { kind, room, users, at } of events) this.events.push(`${(at - START) / 1000} ${kind} ${room ?? users[0]}`);
  }

  connect(user: string, tab = user): Promise<unknown> {
    return this.node.connect({ id: tab, user: person(user) });
  }

  disconnect(user: string, tab = user): Promise<void> {
    return this.node.disconnect({ id: tab, user: person(user) });
  }

  /** Lets the time pass in steps, in each of which the observers take a turn. */
  async pass(seconds: number, ...observers: readonly ObservedShard[]): Promise<void> {
    for (const end = this.time + seconds * 1000; this.time < end; ) {
      this.time = Math.min(this.time + 500, end);
      for (const observer of observers) await observer.turn();
    }
  }
}

let stage: Stage;
let observer: ObservedShard;

beforeEach(async () => {
  stage = new Stage();
  observer = stage.observer();
  await observer.turn();
});

describe('an observer of presence', () => {
  it('reports who comes at once, and who goes after the grace, with the time they went', async () => {
    await stage.connect('ann');
    await stage.node.enter('park', person('ann'));
    await stage.pass(1, observer);
    expect(stage.events).toEqual(['0 online ann', '0 occupied park']);
    await stage.disconnect('ann');
    await stage.node.leave('park', person('ann'));
    await stage.pass(2.5, observer);
    expect(stage.events.splice(0)).toHaveLength(2);
    await stage.pass(0.5, observer);
    expect(stage.events).toEqual(['1 offline ann', '1 vacated park']);
  });

  it('reports nothing of who is back within the grace, and both where the way back took longer', async () => {
    await stage.connect('ann');
    await stage.pass(1, observer);
    for (const away of [1, 2.5]) {
      await stage.disconnect('ann');
      await stage.pass(away, observer);
      await stage.connect('ann');
      await stage.pass(5, observer);
    }
    expect(stage.events.splice(0)).toEqual(['0 online ann']);
    await stage.disconnect('ann');
    // Nobody looks meanwhile: the times of the edges decide.
    await stage.pass(3);
    await stage.connect('ann');
    await stage.disconnect('ann');
    await stage.pass(2);
    await stage.connect('ann');
    await stage.pass(1, observer);
    expect(stage.events).toEqual(['14.5 offline ann', '17.5 online ann']);
  });

  it('takes nobody for gone whose return it has not read yet', async () => {
    await stage.connect('ann');
    await stage.pass(1, observer);
    await stage.disconnect('ann');
    for (let i = 0; i < 600; i += 1) await stage.connect(`user${i}`);
    await stage.pass(1);
    await stage.connect('ann');
    await stage.pass(4);
    await observer.turn();
    expect(stage.events).toHaveLength(601);
  });

  it('reports a short visit: first that one came, then that one went', async () => {
    await stage.connect('ann');
    await stage.disconnect('ann');
    await stage.pass(4, observer);
    expect(stage.events).toEqual(['0 online ann', '0 offline ann']);
  });

  it('reports at its start who is there already', async () => {
    const hub = new Stage();
    await hub.connect('ann');
    await hub.pass(2, hub.observer());
    expect(hub.events).toEqual(['0.5 online ann']);
  });

  it('reports again what could not be handled, before anything newer', async () => {
    stage.isFailing = true;
    await stage.connect('ann');
    await expect(observer.turn()).rejects.toThrow('the consumer is away');
    await stage.connect('bob');
    await expect(observer.turn()).rejects.toThrow('the consumer is away');
    stage.isFailing = false;
    await observer.turn();
    expect(stage.events).toEqual(['0 online ann', '0 online bob']);
  });

  it('keeps its hold while the consumer is away', async () => {
    stage.isFailing = true;
    await stage.connect('ann');
    const other = stage.observer();
    for (let step = 0; step < 20; step += 1) {
      stage.time += 500;
      await observer.turn().catch(() => undefined);
      await other.turn();
    }
    stage.isFailing = false;
    await stage.pass(1, observer, other);
    expect(stage.events).toEqual(['0 online ann']);
  });
});

describe('two observers', () => {
  let other: ObservedShard;
  beforeEach(() => {
    other = stage.observer();
  });

  it('one works, and the other one goes on where it ended, at once if it stopped in order', async () => {
    await stage.connect('ann');
    await stage.connect('bob');
    await stage.pass(10, observer, other);
    await stage.disconnect('ann');
    await stage.pass(1, observer, other);
    await observer.release();
    await stage.pass(6, other);
    await stage.disconnect('bob');
    await stage.pass(4, other);
    expect(stage.events).toEqual(['0 online ann', '0 online bob', '10 offline ann', '17 offline bob']);
  });

  it('one dies: the other one takes over when its hold ran out, and reports what happened meanwhile', async () => {
    await stage.connect('ann');
    await stage.pass(1, observer, other);
    await stage.disconnect('ann');
    await stage.connect('bob');
    await stage.disconnect('bob');
    await stage.pass(4.5, other);
    expect(stage.events.splice(0)).toEqual(['0 online ann']);
    await stage.pass(4, other);
    expect(stage.events).toEqual(['1 online bob', '1 offline ann', '1 offline bob']);
  });

  it('one freezes while it has something to report: what it wakes up with is the other one’s', async () => {
    stage.isFailing = true;
    await stage.connect('ann');
    await expect(observer.turn()).rejects.toThrow('the consumer is away');
    stage.isFailing = false;
    await stage.pass(6, other);
    await stage.disconnect('ann');
    await stage.pass(4, other);
    expect(stage.events.splice(0)).toEqual(['0 online ann', '6 offline ann']);
    await stage.pass(1, observer, other);
    await stage.connect('ann');
    await stage.pass(1, observer, other);
    expect(stage.events).toEqual(['11 online ann']);
  });

  it('one freezes, and wakes up when the other one has worked and died: it goes on where that one ended', async () => {
    await stage.connect('ann');
    await stage.pass(1, observer);
    await stage.pass(6, other);
    await stage.disconnect('ann');
    await stage.connect('bob');
    await stage.pass(4, other);
    await stage.pass(6);
    await stage.pass(12, observer);
    expect(stage.events).toEqual(['0 online ann', '7 online bob', '7 offline ann']);
  });
});

describe('edges that are lost', () => {
  it('may be those of a return: nobody who was leaving is taken for gone', async () => {
    await stage.connect('ann');
    await stage.pass(1, observer);
    await stage.disconnect('ann');
    await observer.turn();
    stage.time += EDGE_LIMITS.keptMs + 1000;
    await stage.connect('ann');
    await stage.pass(30, observer);
    expect(stage.events).toEqual(['0 online ann']);
  });

  it('are found by the comparison of each minute', async () => {
    await stage.connect('bob');
    await stage.pass(1, observer);
    stage.lost.add('u:ann').add('u:bob');
    await stage.connect('ann');
    await stage.disconnect('bob');
    await stage.pass(58, observer);
    expect(stage.events).toEqual(['0 online bob']);
    await stage.pass(5, observer);
    expect(stage.events.slice(1).map((text) => text.replace(/^\S+ /, ''))).toEqual(['online ann', 'offline bob']);
    await stage.pass(130, observer);
    expect(stage.events).toHaveLength(3);
  });

  it('are found once presence had the time to settle, if the log says that it is not whole; who is put back has not gone', async () => {
    for (const user of ['ann', 'bob', 'cid']) await stage.connect(user);
    await stage.pass(1, observer);
    // The log expires, as if Redis had been flushed: everybody is gone from presence, too.
    stage.time += EDGE_LIMITS.keptMs + 1000;
    for (const user of ['ann', 'bob', 'cid']) await stage.disconnect(user);
    await observer.turn();
    await stage.pass(8, observer);
    await stage.connect('ann');
    await stage.pass(4, observer);
    await stage.connect('bob');
    expect(stage.events).toHaveLength(3);
    await stage.pass(120, observer);
    expect(stage.events.slice(3).map((text) => text.replace(/^\S+ /, ''))).toEqual(['offline cid']);
  });

  it('and the record with them: it is there again for a successor', async () => {
    await stage.connect('ann');
    await stage.pass(1, observer);
    stage.time += 2 * 86_400_000;
    await observer.turn();
    for await (const subjects of stage.edges.recorded(0)) expect(subjects).toEqual([]);
    await stage.pass(12, observer);
    for await (const subjects of stage.edges.recorded(0)) expect(subjects).toEqual(['u:ann']);
    await observer.release();
    await stage.pass(12, stage.observer());
    expect(stage.events).toEqual(['0 online ann']);
  });
});

it('[P1] whatever happens, each event follows from the one before, and in the end all is reported', async () => {
  const step = fc.oneof(
    { weight: 4, arbitrary: fc.record({ kind: fc.constant('turn' as const), who: fc.nat(1) }) },
    { weight: 4, arbitrary: fc.record({ kind: fc.constantFrom('connect' as const, 'disconnect' as const), who: fc.nat(2) }) },
    { weight: 3, arbitrary: fc.record({ kind: fc.constant('wait' as const), who: fc.constantFrom(400, 1200, 3000, 5500, 20_000) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom('fail' as const, 'mend' as const, 'lose' as const), who: fc.nat(2) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom('stop' as const, 'expire' as const), who: fc.nat(1) }) },
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 80 }), async (steps) => {
      const hub = new Stage();
      const observers = [hub.observer(), hub.observer()];
      for (const { kind, who } of steps) {
        const user = `u${who}`;
        if (kind === 'turn') await observers[who]?.turn().catch(() => undefined);
        else if (kind === 'wait') hub.time += who;
        else if (kind === 'connect') await hub.connect(user);
        else if (kind === 'disconnect') await hub.disconnect(user);
        else if (kind === 'fail') hub.isFailing = true;
        else if (kind === 'mend') hub.isFailing = false;
        else if (kind === 'lose') hub.lost.add(`u:${user}`);
        else if (kind === 'expire') hub.time += EDGE_LIMITS.keptMs + 1;
        else await observers[who]?.release();
      }
      hub.isFailing = false;
      await hub.pass(140, ...observers);
      const online = new Set<string>();
      for (const text of hub.events) {
        const [, kind = '', user = ''] = text.split(' ');
        expect(online.has(user), `${text} in ${hub.events.join(', ')}`).toBe(kind === 'offline');
        if (kind === 'online') online.add(user);
        else online.delete(user);
      }
      expect([...online].toSorted()).toEqual([...hub.space.connections.keys()].toSorted());
    }),
    { numRuns: 300 },
  );
});
