import type { Backend } from '#libs/backend/backend.ts';
import { HubError } from '#libs/protocol/errors.ts';
import type { Random } from './random.ts';

/** Delays and failures of a slow backend. */
export interface Slowness {
  /** The longest delay before and after a call, milliseconds. */
  delayMs: number;
  /** The share of calls that fail, 0-1. */
  failures: number;
}

/** A backend whose answers are slow, out of order, and sometimes missing. */
export function slowBackend(backend: Backend, random: Random, slowness: Slowness, calm: readonly string[]): Backend {
  const slow = <T extends object>(port: T): T =>
    new Proxy(port, {
      get(target, name) {
        const member: unknown = Reflect.get(target, name, target);
        if (typeof member !== 'function') return member;
        return (...args: unknown[]) => {
          const call = (): unknown => Reflect.apply(member, target, args);
          const { delayMs, failures } = slowness;
          if (delayMs === 0 || calm.includes(String(name))) return call();
          const fails = random.next() < failures;
          const waits = [random.between(0, delayMs), random.between(0, delayMs)] as const;
          return answer(call, waits, fails);
        };
      },
    });
  return {
    ...backend,
    broker: slow(backend.broker),
    presence: slow(backend.presence),
    store: { ...backend.store, rooms: slow(backend.store.rooms) },
  };
}

async function answer(call: () => unknown, [before, after]: readonly [number, number], fails: boolean): Promise<unknown> {
  await wait(before);
  if (fails) throw new HubError('UNAVAILABLE');
  const result = await call();
  await wait(after);
  return result;
}

function wait(milliseconds: number): Promise<void> {
  return new Promise((resolve) => (milliseconds === 0 ? setImmediate(resolve) : setTimeout(resolve, milliseconds)));
}
