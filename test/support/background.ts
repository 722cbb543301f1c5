import { Background, type BackgroundTask } from '#libs/telemetry/background.ts';

/** A runner of background tasks that records failures. */
export class WatchedBackground extends Background {
  /** The task of each failure. */
  readonly faults: BackgroundTask[];
  readonly lines: object[];

  constructor() {
    const faults: BackgroundTask[] = [];
    const lines: object[] = [];
    super({ log: { error: (line: object | string) => void lines.push(Object(line)) }, failed: (task) => void faults.push(task) });
    this.faults = faults;
    this.lines = lines;
  }
}
