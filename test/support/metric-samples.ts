/** Reads Prometheus's text format. */

/** Returns the samples of a process by name and labels, as they stand in the text. */
export async function scrape(adminPort: number): Promise<Samples> {
  const response = await fetch(`http://127.0.0.1:${adminPort}/metrics`);
  return new Samples(await response.text());
}

/** The samples of one scrape. */
export class Samples {
  readonly text: string;
  readonly #samples: readonly (readonly [name: string, labels: string, value: number])[];

  constructor(text: string) {
    this.text = text;
    this.#samples = text.split('\n').flatMap((line) => {
      const [, name, labels = '', value] = /^([a-zA-Z_:][\w:]*)(\{.*\})? (\S+)$/.exec(line) ?? [];
      return name === undefined || line.startsWith('#') ? [] : [[name, labels, Number(value)] as const];
    });
  }

  /**
   * The sum over the label sets of a metric that have all of `labels` (`code="1012"`); undefined if
   * there is none.
   */
  value(name: string, ...labels: readonly string[]): number | undefined {
    const found = this.#samples.filter(([of, set]) => of === name && labels.every((label) => set.includes(label)));
    return found.length === 0 ? undefined : found.reduce((sum, [, , value]) => sum + value, 0);
  }

  /** The names of all samples. */
  names(): ReadonlySet<string> {
    return new Set(this.#samples.map(([name]) => name));
  }
}
