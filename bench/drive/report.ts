import { arch, cpus, platform, release } from 'node:os';
import type { CpuEach, Outcome } from './drive.ts';
import { escaped, linePlot, nines } from './line-plot.ts';
import type { LoadOptions } from './options.ts';
import { CURVE, curveOf } from './recorder.ts';
import { documentOf, serverPlots, table } from './report-page.ts';
import { TIMES, type TimeName } from './samples.ts';

/** A load as a file: everything that was measured, and with what. No token and no secret is in it. */
export function jsonReport(options: LoadOptions, outcome: Outcome, startedAt: Date) {
  const { recorder, ledger, breaches, rate, steps, talk, busiest, cpu } = outcome;
  const { total } = recorder;
  return {
    startedAt: startedAt.toISOString(),
    targets: options.targets.map(({ name }) => name),
    scenario: options.scenarioName,
    settings: options.scenario,
    rate,
    workers: options.workers,
    machines: options.coordinate === undefined ? 1 : options.coordinate.machines + 1,
    loadMachine: {
      cpu: cpus()[0]?.model ?? 'unknown',
      cpus: cpus().length,
      system: `${platform()} ${release()} ${arch()}`,
      node: process.version,
    },
    thresholds: options.thresholds,
    breaches,
    talkSeconds: talk[1] - talk[0],
    counts: total.counts,
    errors: total.errors,
    ledger,
    busiest,
    /** How late the load itself was at most, milliseconds: it counts in the times. */
    lateMs: total.lateMs,
    loadCpuSeconds: total.cpuSeconds,
    /** Microseconds of CPU for each delivery of the talk. */
    cpuEachDelivery: cpu,
    percentilesMs: Object.fromEntries(
      curvesOf(outcome).map(({ name, points }) => [name, Object.fromEntries(points.map(([percent, ms]) => [percent, ms]))]),
    ),
    steps,
    moments: recorder.moments,
    servers: Object.fromEntries(recorder.servers.moments),
  };
}

/** What a delivery cost on both sides, as a sentence. */
export function cpuSentence({ load, servers }: CpuEach): string {
  if (!Number.isFinite(load)) return 'Nothing was delivered.';
  const text = `A delivery took ${load.toFixed(1)} us of CPU in the load`;
  return servers === undefined ? `${text}.` : `${text} and ${servers.toFixed(1)} us in the servers.`;
}

export type JsonReport = ReturnType<typeof jsonReport>;

/** The times that there are. People connect before what is measured. */
function curvesOf({ recorder, run }: Outcome) {
  return TIMES.map((name) => ({ name, points: curveOf(name === 'ack' || name === 'delivery' ? run : recorder.total, name) })).filter(
    ({ points }) => points.length > 0,
  );
}

const NAMES: Readonly<Record<TimeName, string>> = {
  connect: 'from the intended connect to the room',
  ack: 'from the intended send to the ack',
  delivery: 'from the intended send to a receiver',
  recovery: 'from a lost connection to the room again',
};
const TICKS = [50, 90, 99, 99.9, 99.99] as const;

/** The same as a page that needs nothing else. */
export function htmlReport(report: JsonReport, outcome: Outcome): string {
  const { moments } = report;
  const over = (pick: (moment: (typeof moments)[number]) => number | null): (readonly [number, number | null])[] =>
    moments.map((moment) => [moment.at, pick(moment)] as const);
  const curves = curvesOf(outcome);
  const plots = [
    linePlot({
      title: 'Latency over time',
      unit: 'ms',
      lines: [
        { name: 'delivery p50', points: over(({ p50 }) => p50) },
        { name: 'delivery p99', points: over(({ p99 }) => p99) },
        { name: 'ack p99', points: over(({ ackP99 }) => ackP99) },
      ],
    }),
    linePlot({
      title: 'Latency by percentile',
      unit: 'ms',
      lines: curves.map(({ name, points }) => ({ name, points: points.map(([percent, ms]) => [nines(percent), ms] as const) })),
      ticks: TICKS.map((percent) => [nines(percent), `${percent} %`] as const),
    }),
    linePlot({
      title: 'Messages',
      unit: 'a second',
      lines: [
        { name: 'deliveries', points: over(({ delivered }) => delivered) },
        { name: 'sent', points: over(({ sent }) => sent) },
      ],
    }),
    linePlot({
      title: 'Connections',
      unit: '',
      lines: [
        { name: 'open', points: over(({ open }) => open) },
        { name: 'new a second', points: over(({ connected }) => connected) },
        { name: 'errors a second', points: over(({ errors }) => errors) },
      ],
    }),
    ...serverPlots(report.servers),
  ];
  const { ledger } = report;
  const percentiles = table(
    ['milliseconds', ...CURVE.slice(3).map((percent) => `${percent} %`)],
    curves.map(({ name, points }) => [`${name}: ${NAMES[name]}`, ...points.slice(3).map(([, ms]) => ms.toFixed(2))]),
  );
  const ledgerTable = table(
    ['sent', 'acked', 'refused', 'receivers', 'expected', 'delivered', 'lost', 'duplicated', 'out of order'],
    [
      [
        report.counts.sent,
        report.counts.acked,
        report.counts.refused,
        ledger.receivers,
        ledger.expected,
        ledger.delivered,
        ledger.lost,
        ledger.duplicated,
        ledger.reordered,
      ].map((value) => value.toLocaleString('en')),
    ],
  );
  const excused =
    ledger.excused === 0
      ? ''
      : `<p>${ledger.excused} receivers are in no sum: they left their room, lost their connection in a room that keeps nothing, or were told of a loss (${report.counts.resyncs} times <code>resync</code>).</p>`;
  const errors =
    Object.keys(report.errors).length === 0
      ? '<p>None.</p>'
      : table(
          ['where and code', 'times'],
          Object.entries(report.errors)
            .sort(([, one], [, other]) => other - one)
            .map(([key, count]) => [key, String(count)]),
        );
  const steps =
    report.steps.length === 0
      ? ''
      : `<h2>Rates that were tried</h2>${table(
          ['messages a second', 'result'],
          report.steps.map(({ rate, breaches }) => [rate.toFixed(0), breaches.length === 0 ? 'holds' : breaches.join('; ')]),
        )}`;
  const verdict =
    report.breaches.length === 0
      ? `<p class="good">${Object.keys(report.thresholds).length === 0 ? 'No threshold was set.' : 'Every threshold holds.'}</p>`
      : `<ul class="bad">${report.breaches.map((one) => `<li>${escaped(one)}.</li>`).join('')}</ul>`;
  return documentOf(
    `Load of ${report.targets.join(', ')}`,
    `<p>${escaped(report.startedAt)} · scenario <b>${escaped(report.scenario)}</b>: ${escaped(report.settings.about)} · ${report.settings.connections.toLocaleString('en')} connections, ${report.settings.rooms.count.toLocaleString('en')} rooms, ${report.rate.toFixed(1)} messages a second, ${report.talkSeconds.toFixed(0)} s of talk · ${several(report.workers, 'worker')}${report.machines === 1 ? '' : ` on the first of ${report.machines} machines`} (${escaped(report.loadMachine.cpu)}, ${report.loadMachine.cpus} processors, Node ${escaped(report.loadMachine.node)})</p>
${verdict}
<p>${escaped(cpuSentence(report.cpuEachDelivery))} ${escaped(report.busiest)} A message left at most ${report.lateMs.toFixed(1)} ms late; that counts in its times.</p>
<div class="plots">${plots.join('')}</div>
<h2>Times</h2><p>Each counts from when a thing was to happen, not from when the load came to it.</p><div class="scroll">${percentiles}</div>
<h2>Ledger</h2><div class="scroll">${ledgerTable}</div>${excused}
<h2>Errors</h2>${errors}
${steps}
`,
  );
}

const several = (count: number, what: string): string => `${count} ${what}${count === 1 ? '' : 's'}`;
