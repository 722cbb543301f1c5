import type { Progress } from './drive.ts';
import type { Moment } from './recorder.ts';
import type { Merged } from './samples.ts';

/** A terminal shows the last second in one line; a file gets a line each so many seconds. */
const LINE_EVERY = 5;

/** Shows a load while it runs. */
export class Screen implements Progress {
  readonly #out: NodeJS.WriteStream;
  readonly #live: boolean;
  #phase = '';
  #until = 0;
  #began = 0;
  #seconds = 0;

  constructor(out: NodeJS.WriteStream) {
    this.#out = out;
    this.#live = out.isTTY === true;
  }

  phase(name: string, seconds: number): void {
    this.#phase = name;
    this.#began = performance.now();
    this.#until = seconds;
    if (!this.#live) this.line(`${name} (${seconds.toFixed(0)} s)`);
  }

  line(text: string): void {
    this.#out.write(this.#live ? `\r\x1b[2K${text}\n` : `${text}\n`);
  }

  /** Shows a second. */
  moment(moment: Moment, total: Merged): void {
    this.#seconds += 1;
    const passed = Math.min(this.#until, (performance.now() - this.#began) / 1000);
    const ms = (value: number | null): string => (value === null ? '-' : `${value < 10 ? value.toFixed(1) : value.toFixed(0)} ms`);
    const number = (value: number): string => value.toLocaleString('en');
    const errors = Object.values(total.errors).reduce((sum, one) => sum + one, 0);
    const text = [
      `${moment.at.toFixed(0).padStart(4)} s  ${this.#phase} ${passed.toFixed(0)}/${this.#until.toFixed(0)} s`,
      `connected ${number(moment.open)}`,
      `sent ${number(moment.sent)}/s`,
      `delivered ${number(moment.delivered)}/s`,
      `p50 ${ms(moment.p50)}  p99 ${ms(moment.p99)}  ack p99 ${ms(moment.ackP99)}`,
      `errors ${number(errors)}`,
    ].join('  ');
    if (this.#live) this.#out.write(`\r\x1b[2K${text.slice(0, Math.max(40, (this.#out.columns ?? 120) - 1))}`);
    else if (this.#seconds % LINE_EVERY === 0) this.line(text);
  }
}
