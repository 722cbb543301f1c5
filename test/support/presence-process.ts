import { fileURLToPath } from 'node:url';
import { Child } from './child.ts';
import { until } from './wait.ts';

export interface PresenceTiming {
  readonly leaseMs: number;
  readonly renewMs: number;
  readonly pollMs: number;
}

/** A short lease, for tests that are about what happens and not about how soon; no shorter than a busy machine may keep a process waiting. */
export const QUICK: PresenceTiming = { leaseMs: 1800, renewMs: 600, pollMs: 20 };

/** What a node of its own does: these one after the other, then `ready` on its output; also `reaped <n>` and `restored <n>`. */
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

  /** Resolves when it has said so. */
  async said(line: string, timeoutMs = 60_000): Promise<void> {
    await until(() => this.lines.includes(line), { timeoutMs, describe: () => `"${line}" said by the node:\n${this.child.output}` });
  }

  async kill(): Promise<void> {
    this.child.signal('SIGKILL');
    await this.child.exited;
  }
}
