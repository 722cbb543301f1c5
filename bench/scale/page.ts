import { linePlot } from '#bench/drive/line-plot.ts';
import { COSTS, type Cost, type Growth, growths, seriesOf } from './fit.ts';
import { NODES, SHAPES, type Shape } from './grid.ts';
import type { Measured, Results } from './results.ts';

const ABOUT: Readonly<Record<Shape, string>> = {
  one: 'One room with everybody in it',
  many: 'Many rooms of ten, each on two nodes at most',
  mixed: 'Mixed: of ten people three in one hall, six in rooms of ten, one in none',
};

/** Which costs have a plot, by the name of its file. */
const PLOTS = [
  ['connect', 'us a connection'],
  ['memory', 'KiB a connection'],
  ['delivery', 'us a delivery'],
  ['relay', 'KiB a message and node concerned'],
  ['rejoin', 's'],
] as const;

/** The plots, by file name: a panel for each shape, a line for each number of nodes. */
export function plots({ points }: Results): Readonly<Record<string, string>> {
  return Object.fromEntries(
    PLOTS.flatMap(([name, unit]) => {
      const cost = costOf(name, unit);
      return cost === undefined ? [] : [[`${name}.svg`, panels(SHAPES.map((shape) => panel(cost, shape, points)))] as const];
    }),
  );
}

function costOf(name: string, unit: string): Cost | undefined {
  return COSTS.find((cost) => cost.unit === unit && (name !== 'memory' || cost.name === 'memory of the gateways'));
}

function panel(cost: Cost, shape: Shape, points: readonly Measured[]): string {
  const connections = [...new Set(points.map((point) => point.connections))].sort((one, other) => one - other);
  return linePlot({
    title: `${cost.name} (${shape})`,
    unit: cost.unit,
    lines: NODES.map((nodes) => ({
      name: `${nodes} ${nodes === 1 ? 'node' : 'nodes'}`,
      points: seriesOf(points, { shape, nodes }).map((point) => [Math.log10(point.connections), cost.of(point.figures) ?? null] as const),
    })),
    ticks: connections.map((count) => [Math.log10(count), count.toLocaleString('en')] as const),
  });
}

const [PANEL_WIDTH, PANEL_HEIGHT] = [620, 250] as const;

function panels(svgs: readonly string[]): string {
  const placed = svgs.map((svg, index) =>
    svg.replace('<svg ', `<svg x="${index * PANEL_WIDTH}" width="${PANEL_WIDTH}" height="${PANEL_HEIGHT}" `),
  );
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${PANEL_WIDTH * svgs.length} ${PANEL_HEIGHT}"><rect width="100%" height="100%" fill="#fff"/>${placed.join('')}</svg>\n`;
}

/** The page of results. The tool alone writes it. */
export function page(results: Results): string {
  const { points } = results;
  const found = growths(points);
  const bad = found.filter(({ tooMuch }) => tooMuch);
  return [
    '# How cost grows',
    '',
    '`npm run bench -- scale` wrote this page: nothing in it is written by hand. What is measured, and how,',
    'stands in [README.md](README.md#how-cost-grows). [Capacity](../docs/capacity.md) turns it into machines.',
    '',
    `${results.machine}, Node ${results.node}, Redis ${results.redis}; ${results.from.slice(0, 16).replace('T', ' ')} to ${results.to.slice(0, 16).replace('T', ' ')} UTC; ${points.length} points.`,
    'Gateways share one core, Redis, PostgreSQL and the load the other: costs of a unit, not rates and not latencies.',
    '',
    '## What grows more than it should',
    '',
    ...(found.length === 0
      ? ['Not known yet: no series has three points, which a fit needs. `--go-on` measures what is missing.']
      : bad.length === 0
        ? ['Nothing: no cost of a unit grows with connections or nodes by more than the noise.']
        : bad.map((growth) => `- ${sentence(growth)}`)),
    '',
    '## Growth',
    '',
    'Exponents of `cost ~ connections ^ a` at the same nodes, and of `cost ~ nodes ^ b` at the same connections, from',
    'two nodes on; least squares of the logarithms. A cost of a unit should have 0, a time for all at most 1. In brackets:',
    'the last value by the first.',
    '',
    '| cost | | one: connections | one: nodes | many: connections | many: nodes | mixed: connections | mixed: nodes |',
    '|---|---|---|---|---|---|---|---|',
    ...COSTS.map((cost) => `| ${cost.name} | ${cost.unit} | ${cells(cost, found).join(' | ')} |`),
    '',
    ...Object.keys(plots(results)).flatMap((name) => [`![${name.replace('.svg', '')}](scale/results/${name})`, '']),
    ...SHAPES.flatMap((shape) => tables(shape, points)),
  ].join('\n');
}

function cells(cost: Cost, found: readonly Growth[]): string[] {
  return SHAPES.flatMap((shape) =>
    (['connections', 'nodes'] as const).map((axis) => {
      const one = found.find((growth) => growth.cost === cost && growth.shape === shape && growth.axis === axis);
      if (one === undefined) return '';
      const text = `${one.exponent.toFixed(2)} (${one.factor.toFixed(2)} x)`;
      return one.tooMuch ? `**${text}**` : text;
    }),
  );
}

function sentence({ cost, shape, axis, exponent, factor }: Growth): string {
  return `${cost.name}, ${cost.unit}, \`${shape}\`: grows with ${axis} to the power of ${exponent.toFixed(2)}, ${factor.toFixed(2)} x from the least to the most.`;
}

function tables(shape: Shape, points: readonly Measured[]): string[] {
  const mine = NODES.flatMap((nodes) => seriesOf(points, { shape, nodes }));
  if (mine.length === 0) return [];
  const head = mine.map(({ nodes, connections }) => `${nodes} x ${(connections / nodes).toLocaleString('en')}`);
  return [
    `## ${ABOUT[shape]}`,
    '',
    `Columns: nodes x connections on each.`,
    '',
    `| cost | | ${head.join(' | ')} |`,
    `|---|---|${head.map(() => '---|').join('')}`,
    ...COSTS.map((cost) => `| ${cost.name} | ${cost.unit} | ${mine.map(({ figures }) => short(cost.of(figures))).join(' | ')} |`),
    `| deliveries lost | | ${mine.map(({ figures }) => String(figures.talk.lost + figures.restart.lostAfter)).join(' | ')} |`,
    '',
  ];
}

function short(value: number | null | undefined): string {
  if (value === null || value === undefined) return '-';
  return Math.abs(value) >= 100 ? value.toFixed(0) : String(Number(value.toPrecision(3)));
}
