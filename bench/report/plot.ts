import { keepsGoal, type Outcome } from '#bench/scenarios/outcome.ts';

const ROW = 34;
const LEFT = 380;
const WIDTH = 460;
const TOP = 60;

/**
 * An SVG of a scenario. For each figure: the ratio of every run as a dot, the median as a bar, the
 * goal as a line. 1.0 is the baseline.
 */
export function ratioPlot(outcome: Outcome): string {
  const { figures } = outcome;
  const most =
    Math.max(
      1.5,
      ...figures.flatMap((figure) => [...figure.ratios, figure.goal.kind !== 'none' && figure.goal.of === 'ratio' ? figure.goal.value : 0]),
    ) * 1.05;
  const x = (ratio: number) => LEFT + (ratio / most) * WIDTH;
  const height = TOP + figures.length * ROW + 40;
  const parts = [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${LEFT + WIDTH + 90}" height="${height}" font-family="system-ui, sans-serif" font-size="12">`,
    `<title>${escaped(outcome.name)}: ratio to the baseline</title>`,
    `<rect width="100%" height="100%" fill="#fff"/>`,
    `<text x="16" y="26" font-size="15" font-weight="600">${escaped(outcome.name)}: ratio to the baseline</text>`,
    `<text x="16" y="44" fill="#666">dots: single runs, bar: median, red line: goal, grey line: the baseline itself</text>`,
    `<line x1="${x(1)}" y1="${TOP}" x2="${x(1)}" y2="${height - 30}" stroke="#999"/>`,
  ];
  figures.forEach((figure, i) => {
    const y = TOP + i * ROW + ROW / 2;
    const colour = keepsGoal(figure) === false ? '#c43' : '#2a6';
    parts.push(`<text x="16" y="${y + 4}">${escaped(`${figure.side} · ${figure.metric}`)}</text>`);
    parts.push(`<rect x="${LEFT}" y="${y - 6}" width="${x(figure.ratio.median) - LEFT}" height="12" fill="${colour}" opacity="0.35"/>`);
    for (const ratio of figure.ratios) parts.push(`<circle cx="${x(ratio)}" cy="${y}" r="3.5" fill="${colour}"/>`);
    if (figure.goal.kind !== 'none' && figure.goal.of === 'ratio') {
      parts.push(
        `<line x1="${x(figure.goal.value)}" y1="${y - 12}" x2="${x(figure.goal.value)}" y2="${y + 12}" stroke="#c00" stroke-width="2"/>`,
      );
    }
    parts.push(`<text x="${LEFT + WIDTH + 12}" y="${y + 4}" font-weight="600">${figure.ratio.median.toFixed(2)} x</text>`);
  });
  parts.push(`<text x="${x(1)}" y="${height - 12}" text-anchor="middle" fill="#666">1.0</text>`, '</svg>');
  return parts.join('\n');
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
}
