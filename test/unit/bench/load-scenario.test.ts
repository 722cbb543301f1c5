import { describe, expect, it } from 'vitest';
import { readOptions } from '#bench/drive/options.ts';
import { checkedScenario, loadScenario, PRESETS } from '#bench/drive/scenario.ts';
import { seatingOf } from '#bench/drive/seats.ts';

const CHAT = loadScenario('chat');

describe('a scenario', () => {
  it.each(Object.keys(PRESETS))('preset %s is valid', (name) => {
    expect(checkedScenario(PRESETS[name], name)).toEqual(PRESETS[name]);
  });

  it.each([
    ['connections', { connections: 0 }],
    ['rooms.spread', { rooms: { ...CHAT.rooms, spread: 'even' } }],
    ['people.chat.everySeconds', { people: { chat: { share: 1 } } }],
    ['people.shout', { people: { shout: { share: 1 } } }],
    ['people', { people: {} }],
    ['sekonds', { sekonds: 3 }],
  ])('names what is wrong: %s', (path, change) => {
    expect(() => checkedScenario({ ...CHAT, ...change }, 'my.json')).toThrow(`my.json: ${path}: `);
  });

  it('seats people by their shares, the same in every process, and rooms by their spread', () => {
    const scenario = { ...CHAT, connections: 1000, rooms: { ...CHAT.rooms, count: 10 } };
    const { seats, writers } = seatingOf(scenario);
    expect(seatingOf(scenario).seats).toEqual(seats);
    expect(seats.filter(({ does }) => does === 'chat')).toHaveLength(200);
    expect(writers.reduce((sum, count) => sum + count, 0)).toBe(200);
    const sizes = Array.from({ length: 10 }, (_, room) => seats.filter((seat) => seat.room === room).length);
    // 1/n over ten rooms: the first has a third of all, the last a thirtieth.
    expect(sizes[0]).toBeGreaterThan(280);
    expect(sizes[9]).toBeLessThan(60);
    const even = seatingOf({ ...scenario, rooms: { ...scenario.rooms, spread: 'uniform' } });
    expect(new Set(Array.from({ length: 10 }, (_, room) => even.seats.filter((seat) => seat.room === room).length))).toEqual(
      new Set([100]),
    );
  });
});

describe('the command line of a load', () => {
  const target = ['--target', 'wss://chat.example.com/below'];
  const env = { JWT_SECRET: 'first, second' };

  it('takes a target, a preset and what differs from it', async () => {
    const options = await readOptions([...target, '--connections', '50', '--p99', '1.5s', '--from', '127.0.0.1,127.0.0.2'], env);
    expect(options).toMatchObject({
      targets: [{ host: 'chat.example.com', port: 443, secure: true, base: '/below' }],
      scenario: { ...CHAT, connections: 50 },
      rate: 1,
      tokens: { kind: 'mint', secret: 'first' },
      thresholds: { p99: 1500 },
      from: ['127.0.0.1', '127.0.0.2'],
    });
  });

  it.each([
    [[], env, '--target says which hub is loaded'],
    [['--target', 'http://x'], env, 'A target begins with ws:// or wss://'],
    [['--target', 'ws://x?token=abc'], env, 'A target has no query and no user'],
    [[...target, '--p99', '50'], env, '--p99 takes a time as 50ms or 1.5s'],
    [[...target, '--lost', '0.5'], env, '--lost takes a whole number from 0 on'],
    [[...target, '--scenario', 'nothing'], env, 'There is no scenario "nothing"'],
    [[...target, '--sceanrio', 'chat'], env, "Unknown option '--sceanrio'"],
    [target, {}, 'set JWT_SECRET or JWT_SECRET_FILE'],
    [[...target, '--tokens', '/nowhere'], {}, '"/nowhere" cannot be read'],
    [[...target, '--scenario', 'idle', '--find-capacity'], env, 'nobody writes in "idle"'],
    [['--join', 'host:1'], { BENCH_KEY: 'short' }, 'set BENCH_KEY'],
    [['--join', 'host'], { BENCH_KEY: 'sixteen characters' }, '--join takes HOST:PORT'],
  ])('says what is wrong with %j', async (argv, environment, sentence) => {
    await expect(readOptions(argv, environment)).rejects.toThrow(sentence);
  });
});
