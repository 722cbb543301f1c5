/** Fail-points: named places in the code at which a test kills or freezes the process. */

/**
 * Every fail-point of the hub. Each lies between the reply of a backend (Redis, the database, the
 * mail server) and the next step. At `before-ack` a message is stored, and not acknowledged yet.
 */
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

/** The name of a fail-point. */
export type FailPoint = (typeof FAIL_POINTS)[number];

/** `kill`: SIGKILL to this process. `freeze`: SIGSTOP to this process (SIGCONT wakes it). */
type Action = 'kill' | 'freeze';

interface Armed {
  readonly action: Action;
  /** Passes until it acts. It acts once. */
  passes: number;
}

const SIGNALS = { kill: 'SIGKILL', freeze: 'SIGSTOP' } as const satisfies Record<Action, NodeJS.Signals>;

/**
 * Parses `after-publish=kill,after-connect@3=freeze`. `@n`: on the n-th pass, from 1; the default
 * is the first.
 *
 * @throws RangeError for any other text: a chaos test with a misspelt name would prove nothing.
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

/** The value of `FAIL_POINTS`; '' if it is not set. */
export const failPointsSetting: string = setting;

/** Marks a fail-point. Does nothing unless the environment variable `FAIL_POINTS` names it. */
export function failPoint(name: FailPoint): void {
  if (points === undefined) return;
  const point = points.get(name);
  if (point === undefined) return;
  point.passes--;
  if (point.passes === 0) process.kill(process.pid, SIGNALS[point.action]);
}
