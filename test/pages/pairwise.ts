/** The values of each factor. */
export type Factors = Readonly<Record<string, readonly string[]>>;
/** One value of each factor. */
export type Row<F extends Factors> = { readonly [K in keyof F]: F[K][number] };

/**
 * Returns few rows in which each pair of values of two factors occurs. Greedy: the next row is the
 * one with the most pairs that are missing; a row that later ones make needless goes. The same
 * factors return the same rows.
 */
export function pairwise<const F extends Factors>(factors: F): Row<F>[] {
  const entries = Object.entries(factors);
  // A factor with one value is in every pair as soon as the others are: to count it misleads.
  const varying = entries.filter(([, values]) => values.length > 1);
  const constant = product(entries.filter(([, values]) => values.length === 1)).flat();
  const rows = varying.length < 2 ? product(varying) : greedy(product(varying));
  return rows.map((row) => Object.fromEntries([...constant, ...row]) as Row<F>);
}

function greedy(all: readonly Values[]): Values[] {
  const candidates = all.map((row) => ({ row, pairs: pairsOf(row) }));
  const missing = new Set(candidates.flatMap(({ pairs }) => pairs));
  const count = (pairs: readonly string[]) => pairs.filter((pair) => missing.has(pair)).length;
  const rows: Values[] = [];
  while (missing.size > 0) {
    const best = candidates.reduce((a, b) => (count(b.pairs) > count(a.pairs) ? b : a));
    for (const pair of best.pairs) missing.delete(pair);
    rows.push(best.row);
  }
  return withoutNeedless(rows);
}

function withoutNeedless(rows: readonly Values[]): Values[] {
  const kept = [...rows];
  for (const row of rows) {
    const others = kept.filter((other) => other !== row);
    const covered = new Set(others.flatMap(pairsOf));
    if (pairsOf(row).every((pair) => covered.has(pair))) kept.splice(0, kept.length, ...others);
  }
  return kept;
}

type Values = readonly (readonly [factor: string, value: string])[];

function product([first, ...rest]: readonly (readonly [string, readonly string[]])[]): Values[] {
  if (first === undefined) return [[]];
  const [factor, values] = first;
  return values.flatMap((value) => product(rest).map((others): Values => [[factor, value], ...others]));
}

function pairsOf(row: Values): string[] {
  return row.flatMap(([factor, value], n) => row.slice(n + 1).map(([other, its]) => JSON.stringify([factor, value, other, its])));
}
