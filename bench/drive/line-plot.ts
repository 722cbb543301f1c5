/** Plots of a report: lines over time, and the curve of percentiles. */

/** A line of a plot. A null is a gap. */
export interface Line {
  readonly name: string;
  readonly points: readonly (readonly [x: number, y: number | null])[];
}

/** What a plot shows. */
export interface PlotOptions {
  readonly title: string;
  readonly unit: string;
  readonly lines: readonly Line[];
  /** The marks below. Default: seconds, from the least to the most. */
  readonly ticks?: readonly (readonly [x: number, label: string])[];
}

const COLOURS = ['#2f6fb5', '#d9822b', '#2e8b57', '#a854a8', '#c23b3b', '#5b8c99', '#8a7430', '#6c6ccf'] as const;
const [WIDTH, HEIGHT] = [620, 250] as const;
const PLOT = { left: 64, right: 14, top: 34, bottom: 52 } as const;
const GRID = [0, 0.25, 0.5, 0.75, 1] as const;

/** An SVG of lines, from 0 up. */
export function linePlot({ title, unit, lines, ticks }: PlotOptions): string {
  const values = lines.flatMap(({ points }) => points.flatMap(([x, y]) => (y === null ? [] : [[x, y] as const])));
  const [from, to] = [Math.min(...values.map(([x]) => x)), Math.max(...values.map(([x]) => x))];
  const most = roundUp(Math.max(...values.map(([, y]) => y), 0));
  const [right, bottom] = [WIDTH - PLOT.right, HEIGHT - PLOT.bottom];
  const x = (value: number): string => (PLOT.left + ((value - from) / (to - from || 1)) * (right - PLOT.left)).toFixed(1);
  const y = (value: number): string => (bottom - (value / most) * (bottom - PLOT.top)).toFixed(1);
  const parts = [`<text x="12" y="20" font-weight="600">${escaped(title)}</text>`];
  if (values.length === 0) parts.push(`<text x="${WIDTH / 2}" y="${HEIGHT / 2}" text-anchor="middle" fill="#777">no values</text>`);
  else {
    for (const share of GRID) {
      parts.push(`<line x1="${PLOT.left}" x2="${right}" y1="${y(most * share)}" y2="${y(most * share)}" stroke="#e5e5e5"/>`);
      parts.push(`<text x="${PLOT.left - 6}" y="${y(most * share)}" dy="4" text-anchor="end" fill="#666">${short(most * share)}</text>`);
    }
    // A label in the middle of the right edge would be cut off.
    for (const [at, label] of ticks ??
      GRID.map((share) => [from + (to - from) * share, `${(from + (to - from) * share).toFixed(0)} s`] as const))
      parts.push(`<text x="${x(at)}" y="${bottom + 16}" text-anchor="${at >= to ? 'end' : 'middle'}" fill="#666">${escaped(label)}</text>`);
  }
  for (const [index, { name, points }] of lines.entries()) {
    const colour = COLOURS[index % COLOURS.length];
    for (const run of runs(points))
      parts.push(
        `<polyline fill="none" stroke="${colour}" stroke-width="1.6" points="${run.map(([at, value]) => `${x(at)},${y(value)}`).join(' ')}"/>`,
      );
    const left = PLOT.left + index * 130;
    parts.push(`<rect x="${left}" y="${HEIGHT - 16}" width="12" height="3" fill="${colour}"/>`);
    parts.push(`<text x="${left + 17}" y="${HEIGHT - 11}" fill="#444">${escaped(name)}</text>`);
  }
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" font-family="system-ui, sans-serif" font-size="11"><title>${escaped(`${title}, ${unit}`)}</title><text x="${right}" y="20" text-anchor="end" fill="#777">${escaped(unit)}</text>${parts.join('')}</svg>`;
}

/** Where a percentile stands in a curve: each nine takes as much room as the one before. */
export function nines(percent: number): number {
  return percent >= 100 ? 5.3 : -Math.log10(1 - percent / 100);
}

function runs(points: Line['points']): (readonly [number, number])[][] {
  const found: (readonly [number, number])[][] = [[]];
  for (const [x, y] of points) {
    if (y === null) found.push([]);
    else found.at(-1)?.push([x, y]);
  }
  return found.filter((run) => run.length > 0);
}

/** The next of 1, 2, 4, 6, 8 and their tens: quarters of it are short numbers. */
function roundUp(value: number): number {
  if (value <= 0) return 1;
  const tens = 10 ** Math.floor(Math.log10(value));
  return tens * ([1, 2, 4, 6, 8, 10].find((step) => step * tens >= value) ?? 10);
}

function short(value: number): string {
  if (value >= 1e6) return `${(value / 1e6).toPrecision(3)} M`;
  if (value >= 1e4) return `${(value / 1e3).toPrecision(3)} k`;
  return value >= 100 ? value.toFixed(0) : String(Number(value.toPrecision(2)));
}

export function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');
}
