/** What the reports of all loads have in common. */
import { escaped, linePlot } from './line-plot.ts';
import type { ServerMoment } from './server-watch.ts';

/** A page that needs nothing else. @param body HTML below the heading. */
export function documentOf(title: string, body: string): string {
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${escaped(title)}</title>
<style>body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:1320px;padding:0 1rem;color:#222}table{border-collapse:collapse;margin:.5rem 0}th{white-space:nowrap}td,th{border:1px solid #ddd;padding:.25rem .6rem;text-align:right}td:first-child,th:first-child{text-align:left}.plots{display:grid;grid-template-columns:repeat(auto-fit,minmax(520px,1fr));gap:1rem}.plots svg{border:1px solid #ddd;border-radius:4px;width:100%}.good{color:#1d6b40}.bad{color:#a52a2a}.scroll{overflow-x:auto}</style></head><body>
<h1>${escaped(title)}</h1>
${body}</body></html>
`;
}

/** A table. All texts are escaped. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const row = (cells: readonly string[], tag: string): string =>
    `<tr>${cells.map((cell) => `<${tag}>${escaped(cell)}</${tag}>`).join('')}</tr>`;
  return `<table><thead>${row(head, 'th')}</thead><tbody>${rows.map((cells) => row(cells, 'td')).join('')}</tbody></table>`;
}

/** CPU, memory and Redis lag of the servers that were looked at; empty without any. */
export function serverPlots(looked: Readonly<Record<string, readonly ServerMoment[]>>): readonly string[] {
  const servers = Object.entries(looked);
  if (servers.length === 0) return [];
  return [
    linePlot({
      title: 'CPU of the servers',
      unit: 'processors',
      lines: servers.map(([name, looks]) => ({ name, points: looks.map(({ at, cpu }) => [at, cpu] as const) })),
    }),
    linePlot({
      title: 'Memory of the servers',
      unit: 'MiB',
      lines: servers.map(([name, looks]) => ({
        name,
        points: looks.map(({ at, residentBytes }) => [at, residentBytes / 2 ** 20] as const),
      })),
    }),
    linePlot({
      title: 'Redis lag of the servers',
      unit: 'ms',
      lines: servers.map(([name, looks]) => ({ name, points: looks.map(({ at, redisLagMs }) => [at, redisLagMs] as const) })),
    }),
  ];
}
