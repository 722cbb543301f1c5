import { afterEach, describe, expect, it } from 'vitest';
import { METRICS } from '#libs/telemetry/metric-table.ts';
import { Metrics } from '#libs/telemetry/metrics.ts';

const open: Metrics[] = [];

function metrics(): Metrics {
  const made = new Metrics({ version: '1.2.3' });
  open.push(made);
  return made;
}

afterEach(() => {
  for (const made of open.splice(0)) made.close();
});

/** The samples of a text in Prometheus's exposition format. Throws where a line is not of that format. */
function samples(text: string): Map<string, number> {
  const found = new Map<string, number>();
  const typed = new Set<string>();
  for (const line of text.split('\n')) {
    if (line === '' || line.startsWith('# HELP ')) continue;
    const type = /^# TYPE ([a-zA-Z_:][\w:]*) (counter|gauge|histogram|summary|untyped)$/.exec(line)?.[1];
    if (type !== undefined) {
      if (typed.has(type)) throw new Error(`${type} stands twice`);
      typed.add(type);
      continue;
    }
    const match = /^([a-zA-Z_:][\w:]*)(\{(?:[a-zA-Z_]\w*="(?:[^"\\\n]|\\.)*",?)*\})? (-?[\d.e+-]+|[+-]Inf)$/.exec(line);
    if (match === null) throw new Error(`not a sample: ${line}`);
    const [, name = '', labels = '', value] = match;
    if (!typed.has(name) && !typed.has(name.replace(/_(bucket|sum|count)$/, ''))) throw new Error(`${name} has no type`);
    if (found.has(name + labels)) throw new Error(`${name}${labels} stands twice`);
    found.set(name + labels, Number(value));
  }
  return found;
}

/** Turns of the event loop over a few of the sampler's intervals. */
async function ticks(): Promise<void> {
  for (let turn = 0; turn < 6; turn++) await new Promise((resolve) => setTimeout(resolve, 10));
}

describe('the metrics', () => {
  it('are well-formed, each of the table among them, with the process beside them', async () => {
    const text = await metrics().text();
    expect(samples(text).get('process_cpu_seconds_total')).toBeGreaterThan(0);
    for (const { name, kind, help } of METRICS) {
      expect(text).toContain(`# TYPE ${name} ${kind}\n`);
      expect(text).toContain(`# HELP ${name} ${help}\n`);
    }
    const named = [...text.matchAll(/^# TYPE (parley_\w+)/gm)].map((match) => match[1]);
    expect(named.sort()).toEqual(METRICS.map(({ name }) => name).sort());
  });

  it('are named parley_<thing>_<unit>, counters with _total', () => {
    for (const { name, kind } of METRICS) {
      expect(name).toMatch(/^parley(_[a-z]+)+$/);
      expect(name.endsWith('_total')).toBe(kind === 'counter');
    }
    expect(new Set(METRICS.map(({ name }) => name)).size).toBe(METRICS.length);
  });

  it('follow the plain numbers of hot code, up and down', async () => {
    const hub = metrics();
    hub.hot.delivered += 5;
    hub.hot.delivered += 1000;
    hub.hot.connections = 7;
    hub.hot.redisLagSeconds = 0.0025;
    let found = samples(await hub.text());
    expect(found.get('parley_messages_delivered_total')).toBe(1005);
    expect(found.get('parley_connections')).toBe(7);
    expect(found.get('parley_redis_lag_seconds')).toBe(0.0025);
    hub.hot.connections--;
    hub.hot.delivered++;
    found = samples(await hub.text());
    expect(found.get('parley_messages_delivered_total')).toBe(1006);
    expect(found.get('parley_connections')).toBe(6);
  });

  it('count refusals, ends, recoveries and limits by label', async () => {
    const hub = metrics();
    hub.refused('TOKEN_EXPIRED');
    hub.refused('TOKEN_EXPIRED');
    hub.disconnected(1006);
    hub.recovered('lost');
    hub.rateLimited('frames');
    const found = samples(await hub.text());
    expect(found.get('parley_upgrades_refused_total{code="TOKEN_EXPIRED"}')).toBe(2);
    expect(found.get('parley_disconnects_total{code="1006"}')).toBe(1);
    expect(found.get('parley_recoveries_total{result="lost"}')).toBe(1);
    expect(found.get('parley_recoveries_total{result="recovered"}')).toBe(0);
    expect(found.get('parley_rate_limited_total{limit="frames"}')).toBe(1);
    expect(found.get('parley_build_info{version="1.2.3"}')).toBe(1);
  });

  it('give close codes that clients make up one label together', async () => {
    const hub = metrics();
    for (let code = 3000; code < 4000; code++) hub.disconnected(code);
    const ends = [...samples(await hub.text())].filter(([name, value]) => name.startsWith('parley_disconnects_total') && value > 0);
    expect(ends).toEqual([['parley_disconnects_total{code="other"}', 1000]]);
  });

  it('sort latencies into cumulative buckets', async () => {
    const hub = metrics();
    for (const seconds of [-1, 0, 0.0005, 0.003, 0.003, 10, 60]) hub.hub.delivery.live.record(seconds);
    hub.hub.delivery.dm.record(0.003);
    const found = samples(await hub.text());
    const name = 'parley_delivery_latency_seconds';
    const below = (le: string) => found.get(`${name}_bucket{le="${le}",room_kind="live"}`);
    expect(['0.0005', '0.0025', '0.005', '10', '+Inf'].map(below)).toEqual([3, 3, 5, 6, 7]);
    expect(found.get(`${name}_count{room_kind="live"}`)).toBe(7);
    expect(found.get(`${name}_sum{room_kind="live"}`)).toBeCloseTo(70.0065, 6);
    expect(found.get(`${name}_count{room_kind="dm"}`)).toBe(1);
    expect(found.get(`${name}_count{room_kind="park"}`)).toBe(0);
  });

  it('of several processes become one: parts are added, hub-wide numbers are not', async () => {
    const [one, two] = [metrics(), metrics()];
    one.hot.connections = 3;
    two.hot.connections = 4;
    one.hot.usersOnline = 9;
    two.hot.usersOnline = 8;
    two.hot.drainState = 1;
    one.refused('DRAINING');
    two.refused('DRAINING');
    one.hub.delivery.park.record(0.003);
    two.hub.delivery.park.record(0.2);
    one.watch('redisUp', () => 1);
    two.watch('redisUp', () => 0);
    // As they would travel between processes.
    const snapshots = JSON.parse(JSON.stringify([await one.json(), await two.json()]));
    const found = samples(await Metrics.aggregate(snapshots));
    expect(found.get('parley_connections')).toBe(7);
    expect(found.get('parley_users_online')).toBe(9);
    expect(found.get('parley_drain_state')).toBe(1);
    expect(found.get('parley_upgrades_refused_total{code="DRAINING"}')).toBe(2);
    expect(found.get('parley_redis_up')).toBe(0);
    expect(found.get('parley_delivery_latency_seconds_count{room_kind="park"}')).toBe(2);
    expect(found.get('parley_delivery_latency_seconds_bucket{le="0.005",room_kind="park"}')).toBe(1);
    expect(found.get('parley_build_info{version="1.2.3"}')).toBe(1);
  });

  it('show nothing of a hub, a link or a pool that the process does not have', async () => {
    const found = samples(await metrics().text());
    for (const name of ['parley_redis_up', 'parley_ready', 'parley_ack_seconds_count', 'parley_store_wait_seconds_count'])
      expect([...found.keys()].filter((key) => key.startsWith(name))).toEqual([]);
  });

  it('show a watched gauge as it is now, and not at all while there is no value', async () => {
    const hub = metrics();
    let lag: number | undefined = 0.5;
    hub.watch('revocationLag', () => lag);
    hub.watch('sessions', () => lag, { kind: 'guest' });
    let found = samples(await hub.text());
    expect([found.get('parley_revocation_lag_seconds'), found.get('parley_sessions{kind="guest"}')]).toEqual([0.5, 0.5]);
    lag = undefined;
    found = samples(await hub.text());
    expect([...found.keys()].filter((key) => /^parley_(revocation|sessions)/.test(key))).toEqual([]);
  });

  it('have one series for each kind of room and what it keeps', async () => {
    const hub = metrics();
    for (const retention of Object.values(hub.hub.acks)) for (const timing of Object.values(retention)) timing.record(0.1);
    const found = [...samples(await hub.text()).keys()].filter((key) => key.startsWith('parley_ack_seconds_count'));
    expect(found.map((key) => key.slice('parley_ack_seconds_count'.length)).toSorted()).toEqual(
      [
        ...['park', 'group', 'pair', 'conv', 'dm'].map((kind) => `{retention="history",room_kind="${kind}"}`),
        ...['group', 'pair', 'open'].map((kind) => `{retention="stream",room_kind="${kind}"}`),
        '{retention="none",room_kind="live"}',
      ].toSorted(),
    );
  });

  it('tell a blocked event loop', async () => {
    const hub = metrics();
    /** Lets the sampler tick, for it starts anew at each read, blocks the loop, and lets it tick again. */
    const blockAndRead = async () => {
      await ticks();
      const end = performance.now() + 100;
      while (performance.now() < end);
      await ticks();
      return samples(await hub.text()).get('parley_event_loop_lag_seconds{value="max"}');
    };
    await expect.poll(blockAndRead).toBeGreaterThan(0.05);
    const start = performance.now();
    const lag = await blockAndRead();
    // In seconds, and no more than could have been.
    expect(lag).toBeLessThanOrEqual((performance.now() - start) / 1000 + 0.1);
  });
});
