import { fileURLToPath } from 'node:url';
import { Child } from './child.ts';
import { until } from './wait.ts';

/** The times of presence, in milliseconds. */
export interface PresenceTiming {
  readonly leaseMs: number;
  readonly renewMs: number;
  readonly pollMs: number;
}

/**
 * A short lease, for tests that do not measure time. It is no shorter than a busy machine may delay
 * a process.
 */
export const QUICK: PresenceTiming = { leaseMs: 1800, renewMs: 600, pollMs: 20 };

/**
 * The plan of a node: it runs these steps in order, then prints `ready`; also `reaped <n>` and
 * `restored <n>`.
 */
export interface PresencePlan {
  readonly url: string;
  readonly prefix: string;
  readonly node: string;
  readonly timing?: PresenceTiming;
  /** Connection id, user. */
  readonly connections: readonly (readonly [string, string])[];
  /** Room, user. */
  readonly rooms: readonly (readonly [string, string])[];
  readonly leaves?: readonly (readonly [string, string])[];
}

/** A node in a process of its own. */
export class PresenceProcess {
  readonly child: Child;
  readonly lines: string[] = [];

  constructor(plan: PresencePlan, failPoints = '') {
    this.child = new Child(process.execPath, [fileURLToPath(new URL('./presence-child.ts', import.meta.url)), JSON.stringify(plan)], {
      env: { ...process.env, FAIL_POINTS: failPoints },
      onLine: (line) => void this.lines.push(line),
    });
  }

  /** Resolves when it has printed the line. */
  async said(line: string, timeoutMs = 60_000): Promise<void> {
    await until(() => this.lines.includes(line), { timeoutMs, describe: () => `"${line}" said by the node:\n${this.child.output}` });
  }

  async kill(): Promise<void> {
    this.child.signal('SIGKILL');
    await this.child.exited;
  }
}
