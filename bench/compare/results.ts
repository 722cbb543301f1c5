import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { ratioPlot } from '#bench/report/plot.ts';
import { plotted, resultsPage } from './page.ts';
import type { Result } from './result.ts';

/** A folder with `RESULTS.json`, `RESULTS.md` and a plot for each scenario in `plots/`. */
export class Results {
  readonly #folder: URL;
  readonly #order: readonly string[];

  /** @param order names of scenarios, in the order of the page. */
  constructor(folder: URL, order: readonly string[]) {
    this.#folder = folder;
    this.#order = order;
  }

  get all(): readonly Result[] {
    const file = new URL('RESULTS.json', this.#folder);
    return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Result[]) : [];
  }

  /** Replaces the result of the same name, and writes all files anew. */
  put(result: Result): void {
    const place = ({ name }: Result) => this.#order.indexOf(name);
    const others = this.all.filter(({ name }) => name !== result.name && this.#order.includes(name));
    const all = [...others, result].toSorted((a, b) => place(a) - place(b));
    mkdirSync(new URL('plots/', this.#folder), { recursive: true });
    writeFileSync(new URL('RESULTS.json', this.#folder), `${JSON.stringify(all, shortened, 1)}\n`);
    // What is written is what is read: numbers were shortened.
    const read = this.all;
    writeFileSync(new URL('RESULTS.md', this.#folder), resultsPage(read, this.#order));
    for (const one of read) writeFileSync(new URL(`plots/${one.name}.svg`, this.#folder), ratioPlot(plotted(one.outcome)));
  }
}

/** Five digits say more than the measurement. */
function shortened(_key: string, value: unknown): unknown {
  return typeof value === 'number' && !Number.isInteger(value) ? Number(value.toPrecision(5)) : value;
}
