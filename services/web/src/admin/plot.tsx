import { useComputedColorScheme } from '@mantine/core';
import { useEffect, useRef } from 'react';
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import { useLanguage } from '../i18n/language.tsx';
import styles from './charts.module.css';

const HEIGHT = 132;
/** Pixels of the axis on the left, for numbers such as `12,500` and `250 ms`. */
const AXIS_PX = 64;
const FONT = '12px system-ui, sans-serif';

interface PlotProps {
  /** Unix seconds, ascending. */
  readonly times: readonly number[];
  readonly lines: readonly { readonly values: readonly (number | null)[]; readonly colour: string }[];
  /** A number as text. */
  readonly number: (value: number) => string;
}

/**
 * Lines over time, from zero up, as wide as the place. A canvas: what it shows has to stand beside
 * it as text, too.
 */
export function Plot({ times, lines, number }: PlotProps) {
  const place = useRef<HTMLDivElement>(null);
  const scheme = useComputedColorScheme();
  const { locale } = useLanguage();
  // biome-ignore lint/correctness/useExhaustiveDependencies: `scheme` changes the colours of the style sheet.
  useEffect(() => {
    const element = place.current;
    if (element === null) return;
    const colours = getComputedStyle(element);
    const axis = { stroke: colours.getPropertyValue('--soft'), grid: { stroke: colours.getPropertyValue('--line'), width: 1 }, font: FONT };
    const clock = new Intl.DateTimeFormat(locale, { timeStyle: 'short' });
    const data = [times, ...lines.map(({ values }) => values)] as unknown as uPlot.AlignedData;
    const plot = new uPlot(
      {
        width: element.clientWidth,
        height: HEIGHT,
        legend: { show: false },
        cursor: { show: false },
        scales: { y: { range: (_plot, _min, max) => [0, max > 0 ? max * 1.1 : 1] } },
        axes: [
          { ...axis, values: (_plot, splits) => splits.map((at) => clock.format(at * 1000)), space: 72 },
          { ...axis, values: (_plot, splits) => splits.map((value) => number(value)), size: AXIS_PX, space: 28 },
        ],
        series: [{}, ...lines.map(({ colour }) => ({ stroke: colour, width: 2, points: { show: false } }))],
      },
      data,
      element,
    );
    const resized = new ResizeObserver(() => plot.setSize({ width: element.clientWidth, height: HEIGHT }));
    resized.observe(element);
    return () => {
      resized.disconnect();
      plot.destroy();
    };
  }, [times, lines, number, scheme, locale]);
  return <div ref={place} className={styles['plot']} aria-hidden="true" />;
}
