/** Named places where a crash hurts most: tests make a process die or freeze exactly there. */

/** Every fail-point of the hub: between the reply of a Redis script or the database and what follows it. `before-ack`: stored, and not told yet. */
export const FAIL_POINTS = [
  'after-publish',
  'after-insert',
  'before-ack',
  'after-connect',
  'after-enter',
  'after-leave',
  'after-reap-claim',
  'after-reap',
  'after-room-close',
  'after-mail-sent',
  'after-login-renewed',
  'before-answer-kept',
] as const;

export type FailPoint = (typeof FAIL_POINTS)[number];

/** `kill`: SIGKILL to this process. `freeze`: SIGSTOP to this process (SIGCONT wakes it). */
type Action = 'kill' | 'freeze';

interface Armed {
  readonly action: Action;
  /** Passes left before it strikes; it strikes once. */
  passes: number;
}

const SIGNALS = { kill: 'SIGKILL', freeze: 'SIGSTOP' } as const satisfies Record<Action, NodeJS.Signals>;

/**
 * Reads `after-publish=kill,after-connect@3=freeze` (`@n`: on the n-th pass, from 1; without it on the first).
 * Throws `RangeError` for anything else: a chaos test with a misspelt name would prove nothing.
 */
export function parseFailPoints(value: string): Map<FailPoint, Armed> {
  const armed = new Map<FailPoint, Armed>();
  for (const entry of value.split(',')) {
    const match = /^\s*([a-z-]+)(?:@([1-9]\d{0,8}))?=(kill|freeze)\s*$/.exec(entry);
    const name = FAIL_POINTS.find((known) => known === match?.[1]);
    if (match === null || name === undefined) {
      throw new RangeError(`FAIL_POINTS: "${entry}" is not <name>[@n]=kill|freeze with a name of ${FAIL_POINTS.join(', ')}`);
    }
    armed.set(name, { action: match[3] === 'kill' ? 'kill' : 'freeze', passes: Number(match[2] ?? 1) });
  }
  return armed;
}

const setting = process.env.FAIL_POINTS ?? '';
const points: Map<FailPoint, Armed> | undefined = setting === '' ? undefined : parseFailPoints(setting);

/** What `FAIL_POINTS` was set to, '' where it was not: a main that starts with it set should say so in its log. */
export const failPointsSetting: string = setting;

/** Marks a fail-point. Free of cost unless the environment variable `FAIL_POINTS` names it. */
export function failPoint(name: FailPoint): void {
  if (points === undefined) return;
  const point = points.get(name);
  if (point === undefined) return;
  point.passes--;
  if (point.passes === 0) process.kill(process.pid, SIGNALS[point.action]);
}
