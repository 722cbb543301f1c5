/** Pictures of dashboards as SVG, drawn from the answers of Prometheus. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { PanelSpec, Unit } from '#deploy/grafana/panel-spec.ts';
import type { QuerySeries } from './prometheus.ts';

/** A panel with the answers to its queries. `legend` is that of the query. */
export interface DrawnPanel {
  readonly spec: PanelSpec;
  readonly series: readonly (QuerySeries & { readonly legend: string })[];
}

const COLOURS = ['#2f6fb5', '#d9822b', '#2e8b57', '#a854a8', '#c23b3b', '#5b8c99', '#8a7430', '#6c6ccf'] as const;
const WIDTH = 1280;
const GAP = 12;
const COLUMNS = { graph: 3, stat: 6 } as const;
const HEIGHTS = { graph: 230, stat: 84 } as const;
const PLOT = { left: 56, right: 12, top: 30, bottom: 58 } as const;
const LEGENDS = 6;
/** A name in the legend, in characters. */
const NAME_MAX = 30;

/** Writes the picture of a dashboard into a folder, as `<name>.svg`. */
export function writeDashboardPicture(
  folder: string,
  name: string,
  { title, about }: { readonly title: string; readonly about: string },
  panels: readonly DrawnPanel[],
): void {
  const parts: string[] = [text(GAP, 28, title, 'font-size="18" font-weight="600"'), text(GAP, 48, about, 'fill="#666"')];
  let y = 60;
  for (const kind of ['stat', 'graph'] as const) {
    const some = panels.filter(({ spec }) => (spec.kind ?? 'graph') === kind);
    const width = (WIDTH - GAP * (COLUMNS[kind] + 1)) / COLUMNS[kind];
    for (const [index, panel] of some.entries()) {
      const x = GAP + (index % COLUMNS[kind]) * (width + GAP);
      const top = y + Math.floor(index / COLUMNS[kind]) * (HEIGHTS[kind] + GAP);
      const box = `<rect width="${width}" height="${HEIGHTS[kind]}" rx="4" fill="#fff" stroke="#ddd"/>`;
      parts.push(`<g transform="translate(${x} ${top})">${box}${kind === 'stat' ? stat(panel, width) : graph(panel, width)}</g>`);
    }
    y += Math.ceil(some.length / COLUMNS[kind]) * (HEIGHTS[kind] + GAP);
  }
  const head = `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${y}" font-family="system-ui, sans-serif" font-size="12">
<title>${title}</title>`;
  mkdirSync(folder, { recursive: true });
  writeFileSync(
    join(folder, `${name}.svg`),
    `${[head, '<rect width="100%" height="100%" fill="#f4f5f5"/>', ...parts, '</svg>'].join('\n')}\n`,
  );
}

function stat({ spec, series }: DrawnPanel, width: number): string {
  const last = series.flatMap(({ points }) => points.filter(([, value]) => Number.isFinite(value)).slice(-1)).at(0)?.[1] ?? Number.NaN;
  const colour = { good: '#2e8b57', bad: '#c23b3b', plain: '#333' }[judged(spec, last)];
  return (
    text(10, 20, spec.title, 'fill="#444"') +
    text(width / 2, 60, formatted(last, spec.unit), `font-size="26" font-weight="600" text-anchor="middle" fill="${colour}"`)
  );
}

function judged({ good }: PanelSpec, value: number): 'good' | 'bad' | 'plain' {
  if (good === undefined) return 'plain';
  return ('from' in good ? value >= good.from : value < good.below) ? 'good' : 'bad';
}

function graph({ spec, series }: DrawnPanel, width: number): string {
  const lines = series.filter(({ points }) => points.some(([, value]) => Number.isFinite(value)));
  const all = lines.flatMap(({ points }) => points.filter(([, value]) => Number.isFinite(value)));
  const [from, to] = [Math.min(...all.map(([at]) => at)), Math.max(...all.map(([at]) => at))];
  const low = Math.min(0, ...all.map(([, value]) => value));
  const most = Math.max(...all.map(([, value]) => value));
  const high = most > low ? low + (most - low) * 1.1 : low + 1;
  const [right, bottom] = [width - PLOT.right, HEIGHTS.graph - PLOT.bottom];
  const x = (at: number): number => PLOT.left + ((at - from) / (to - from || 1)) * (right - PLOT.left);
  const y = (value: number): number => bottom - ((value - low) / (high - low)) * (bottom - PLOT.top);
  const parts = [text(10, 20, spec.title, 'font-weight="600"')];
  for (const share of [0, 0.5, 1]) {
    const value = low + (high - low) * share;
    parts.push(`<line x1="${PLOT.left}" x2="${right}" y1="${round(y(value))}" y2="${round(y(value))}" stroke="#eee"/>`);
    parts.push(text(PLOT.left - 6, y(value) + 4, formatted(value, spec.unit), 'text-anchor="end" fill="#666" font-size="11"'));
  }
  for (const [index, { points, metric, legend }] of lines.entries()) {
    const colour = COLOURS[index % COLOURS.length] ?? '#000';
    for (const run of runs(points)) {
      const path = run.map(([at, value]) => `${round(x(at))},${round(y(value))}`).join(' ');
      parts.push(`<polyline points="${path}" fill="none" stroke="${colour}" stroke-width="1.5"/>`);
    }
    if (index >= LEGENDS) continue;
    const [column, row] = [index % 2, Math.floor(index / 2)];
    const [left, top] = [12 + (column * (width - 20)) / 2, bottom + 20 + row * 15];
    parts.push(`<rect x="${left}" y="${top - 8}" width="10" height="3" fill="${colour}"/>`);
    parts.push(text(left + 15, top - 2, shortened(named(legend, metric)), 'fill="#444" font-size="11"'));
  }
  if (lines.length > LEGENDS) parts.push(text(width - 12, 20, `${lines.length} lines`, 'text-anchor="end" fill="#888" font-size="11"'));
  return parts.join('');
}

/** Splits a line where it has no value. */
function runs(points: QuerySeries['points']): QuerySeries['points'][] {
  const found: (readonly [number, number])[][] = [[]];
  for (const point of points) {
    if (Number.isFinite(point[1])) found.at(-1)?.push(point);
    else found.push([]);
  }
  return found.filter((run) => run.length > 0);
}

function named(legend: string, metric: Readonly<Record<string, string>>): string {
  return legend.replaceAll(/\{\{(\w+)\}\}/g, (_, label: string) => metric[label] ?? '').trim() || 'none';
}

const shortened = (name: string): string => (name.length > NAME_MAX ? `${name.slice(0, NAME_MAX - 1)}…` : name);
const round = (value: number): number => Math.round(value * 10) / 10;
const digits = (value: number): string => String(Number(value.toPrecision(2)));

/** A value as a person reads it. */
function formatted(value: number, unit: Unit): string {
  switch (unit) {
    case 's':
      return Math.abs(value) < 1 ? `${digits(value * 1000)} ms` : `${digits(value)} s`;
    case 'dtdurations':
      return `${digits(value)} s`;
    case 'percentunit':
      return `${digits(value * 100)} %`;
    case 'bytes':
    case 'Bps': {
      const per = unit === 'Bps' ? '/s' : '';
      if (Math.abs(value) >= 2 ** 20) return `${digits(value / 2 ** 20)} MiB${per}`;
      return Math.abs(value) >= 1024 ? `${digits(value / 1024)} KiB${per}` : `${digits(value)} B${per}`;
    }
    case 'ops':
      return `${digits(value)}/s`;
    default:
      return Math.abs(value) >= 1000 ? String(Math.round(value)) : digits(value);
  }
}

function text(x: number, y: number, content: string, attributes: string): string {
  return `<text x="${round(x)}" y="${round(y)}" ${attributes}>${content.replaceAll('&', '&amp;').replaceAll('<', '&lt;')}</text>`;
}
