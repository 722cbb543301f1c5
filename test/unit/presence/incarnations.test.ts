import { describe, expect, it } from 'vitest';
import { Incarnations } from '#libs/presence/incarnations.ts';

describe('incarnations of a node', () => {
  it('never gives an id twice, and remembers those that may have entries left', () => {
    const incarnations = new Incarnations('n1', 'boot');
    expect([incarnations.current, incarnations.former]).toEqual(['', []]);
    incarnations.use(incarnations.next());
    incarnations.next();
    incarnations.use(incarnations.next());
    expect([incarnations.current, incarnations.former]).toEqual(['n1~boot#3', ['n1~boot#1']]);
    incarnations.forget('n1~boot#1');
    expect(incarnations.former).toEqual([]);
  });

  it('tells who waits that a new one is in use, and lets nobody wait for ever', async () => {
    const incarnations = new Incarnations('n1', 'boot');
    const waiting = incarnations.changed(60_000);
    incarnations.use(incarnations.next());
    await waiting;
    await incarnations.changed(1);
  });

  it('refuses ids that would break the entries they stand in', () => {
    expect(() => new Incarnations('a b', 'x')).toThrow(TypeError);
    expect(() => new Incarnations('', 'x')).toThrow(TypeError);
    expect(() => new Incarnations('a{', 'x')).toThrow(TypeError);
  });
});
