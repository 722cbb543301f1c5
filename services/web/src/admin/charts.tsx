import { NativeSelect, Text } from '@mantine/core';
import { useCallback, useMemo, useState } from 'react';
import { useText } from '../i18n/language.tsx';
import shared from './admin.module.css';
import { adminApi, CHARTS, type Chart, type Line, type Series } from './admin-api.ts';
import styles from './charts.module.css';
import { useFormat } from './format.ts';
import { Panel } from './panel.tsx';
import { Plot } from './plot.tsx';
import { usePolled } from './queries.ts';

/** Hours that can be drawn. The hub's own samples reach two hours back. */
const HOURS = [1, 6, 24] as const;
const EVERY_MS = 15_000;
/** Colours that are told apart on light and on dark ground, also by most colour-blind people. */
const COLOURS = ['#3a8f66', '#c7641a', '#4a7bd0', '#b0478f', '#8a7a1f', '#3f96a6', '#c2463d', '#7a62c4'];
const LATENCIES: ReadonlySet<Chart> = new Set(['ack', 'delivery', 'redisLag']);

const colourOf = (index: number): string => COLOURS[index % COLOURS.length] ?? '';

/** The numbers of the gateways over the last hours. */
export function Charts() {
  const { charts: words } = useText('admin');
  const [hours, setHours] = useState<number>(HOURS[0]);
  const ask = useCallback(() => adminApi.series(hours), [hours]);
  const [{ value: series, error }] = usePolled(ask, EVERY_MS);
  const nodes = useMemo(() => nodesOf(series), [series]);
  return (
    <Panel
      title={words.title}
      error={error}
      aside={
        <NativeSelect
          aria-label={words.span}
          size="xs"
          value={hours}
          onChange={({ currentTarget }) => setHours(Number(currentTarget.value))}
          data={HOURS.map((count) => ({ value: String(count), label: words.hours(count) }))}
        />
      }
    >
      {series !== undefined && (
        <>
          <Text size="sm" className={shared['hint']} data-source={series.source}>
            {words.sources[series.source]} {series.problem !== null && words.problem(series.problem)}
          </Text>
          {nodes.length > 0 && (
            <ul className={styles['legend']} aria-label={words.legend}>
              {nodes.map((node, index) => (
                <li key={node}>
                  <svg width="12" height="12" aria-hidden="true">
                    <rect width="12" height="12" rx="3" fill={colourOf(index)} />
                  </svg>
                  {node}
                </li>
              ))}
            </ul>
          )}
          {series.times.length < 2 ? (
            <Text className={shared['hint']}>{words.soon}</Text>
          ) : (
            <div className={styles['charts']}>
              {CHARTS.map((chart) => (
                <ChartFigure key={chart} chart={chart} series={series} nodes={nodes} />
              ))}
            </div>
          )}
        </>
      )}
    </Panel>
  );
}

function nodesOf(series: Series | undefined): string[] {
  return [...new Set(CHARTS.flatMap((chart) => series?.charts[chart].map(({ node }) => node) ?? []))].toSorted();
}

interface FigureProps {
  readonly chart: Chart;
  readonly series: Series;
  readonly nodes: readonly string[];
}

/** A chart with its title and the newest number of each gateway, which screen readers read. */
function ChartFigure({ chart, series, nodes }: FigureProps) {
  const { charts: words } = useText('admin');
  const format = useFormat();
  const lines = series.charts[chart];
  const number = LATENCIES.has(chart) ? format.lag : format.number;
  const newest = lines.map((line) => ({ node: line.node, value: newestOf(line) }));
  return (
    <figure className={styles['chart']} data-chart={chart}>
      <figcaption>
        <span>{words.names[chart]}</span>
        <ul className={styles['newest']}>
          {newest.map(({ node, value }) => (
            <li key={node} data-node-value={node} title={node}>
              {value === undefined ? words.nothing : number(value)}
            </li>
          ))}
        </ul>
      </figcaption>
      <Plot
        times={series.times}
        lines={lines.map(({ node, values }) => ({ values, colour: colourOf(nodes.indexOf(node)) }))}
        number={number}
      />
    </figure>
  );
}

function newestOf({ values }: Line): number | undefined {
  return values.findLast((value) => value !== null) ?? undefined;
}
