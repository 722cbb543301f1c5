/** Sums by the value of one label. */
export type Sums = Readonly<Record<string, number>>;

/** Adds the samples of a metric in the texts of several processes, by the value of a label. */
export function sumsOf(texts: readonly string[], name: string, label: string): Sums {
  const sums: Record<string, number> = {};
  const sample = new RegExp(`^${name}\\{([^}]*)\\} (\\S+)$`, 'gm');
  for (const text of texts) {
    for (const [, labels = '', value] of text.matchAll(sample)) {
      const key = new RegExp(`${label}="([^"]*)"`).exec(labels)?.[1];
      if (key !== undefined) sums[key] = (sums[key] ?? 0) + Number(value);
    }
  }
  return sums;
}
