import { arch, cpus, platform, release } from 'node:os';
import { escaped, linePlot, nines } from '#bench/drive/line-plot.ts';
import { CURVE } from '#bench/drive/recorder.ts';
import { documentOf, serverPlots, table } from '#bench/drive/report-page.ts';
import type { ServerWatch } from '#bench/drive/server-watch.ts';
import type { HttpOptions } from './options.ts';
import { SCENARIOS } from './requests.ts';
import type { HttpSampler } from './sampler.ts';

/** What a load of the API found. */
export interface HttpOutcome {
  readonly sampler: HttpSampler;
  readonly servers: ServerWatch;
  readonly startedAt: Date;
  readonly seconds: number;
  /** CPU of the load, seconds. */
  readonly loadCpuSeconds: number;
  /** Of the servers; undefined without `--metrics`. */
  readonly serverCpuSeconds: number | undefined;
  readonly breaches: readonly string[];
}

/** A load of the API as a file. No token and no key is in it. */
export function httpJson(options: HttpOptions, outcome: HttpOutcome) {
  const { sampler, servers, startedAt, seconds, loadCpuSeconds, serverCpuSeconds, breaches } = outcome;
  return {
    startedAt: startedAt.toISOString(),
    target: options.target,
    scenario: options.scenario,
    connections: options.connections,
    rate: options.rate ?? null,
    seconds,
    loadMachine: {
      cpu: cpus()[0]?.model ?? 'unknown',
      cpus: cpus().length,
      system: `${platform()} ${release()} ${arch()}`,
      node: process.version,
    },
    thresholds: options.thresholds,
    breaches,
    answers: sampler.answers,
    answersPerSecond: sampler.answers / seconds,
    errors: sampler.errors,
    percentilesMs: Object.fromEntries(CURVE.map((percent) => [percent, sampler.percentile(percent)] as const)),
    /** Microseconds of CPU for each answer. */
    cpuEachAnswer: {
      load: (loadCpuSeconds / sampler.answers) * 1e6,
      servers: serverCpuSeconds === undefined ? null : (serverCpuSeconds / sampler.answers) * 1e6,
    },
    moments: sampler.moments,
    servers: Object.fromEntries(servers.moments),
  };
}

export type HttpReport = ReturnType<typeof httpJson>;

/** What an answer cost on both sides, as a sentence. */
export function httpCpuSentence({ cpuEachAnswer: { load, servers } }: HttpReport): string {
  if (!Number.isFinite(load)) return 'Nothing was answered.';
  return `An answer took ${load.toFixed(0)} us of CPU in the load${servers === null ? '' : ` and ${servers.toFixed(0)} us in the servers`}.`;
}

const TICKS = [50, 90, 99, 99.9, 99.99] as const;

/** The same as a page that needs nothing else. */
export function httpHtml(report: HttpReport): string {
  const { moments } = report;
  const over = (pick: (moment: (typeof moments)[number]) => number | null): (readonly [number, number | null])[] =>
    moments.map((moment) => [moment.at, pick(moment)] as const);
  const curve = Object.entries(report.percentilesMs)
    .map(([percent, ms]) => [Number(percent), ms] as const)
    .sort(([one], [other]) => one - other);
  const plots = [
    linePlot({
      title: 'Latency over time',
      unit: 'ms',
      lines: [
        { name: 'p50', points: over(({ p50 }) => p50) },
        { name: 'p99', points: over(({ p99 }) => p99) },
      ],
    }),
    linePlot({
      title: 'Latency by percentile',
      unit: 'ms',
      lines: [{ name: 'an answer', points: curve.map(([percent, ms]) => [nines(percent), Number.isFinite(ms) ? ms : null] as const) }],
      ticks: TICKS.map((percent) => [nines(percent), `${percent} %`] as const),
    }),
    linePlot({
      title: 'Answers',
      unit: 'a second',
      lines: [
        { name: 'answers', points: over(({ answers }) => answers) },
        { name: 'errors', points: over(({ errors }) => errors) },
      ],
    }),
    ...serverPlots(report.servers),
  ];
  const errors = Object.entries(report.errors);
  const loop =
    report.rate === null
      ? 'Each connection sent its next request after an answer, so a slow answer means fewer requests.'
      : 'Requests that waited behind a slow answer count as late as they were.';
  const verdict =
    report.breaches.length === 0
      ? `<p class="good">${Object.keys(report.thresholds).length === 0 ? 'No threshold was set.' : 'Every threshold holds.'}</p>`
      : `<ul class="bad">${report.breaches.map((one) => `<li>${escaped(one)}.</li>`).join('')}</ul>`;
  return documentOf(
    `Load of the API of ${report.target}`,
    `<p>${escaped(report.startedAt)} · scenario <b>${escaped(report.scenario)}</b>: ${escaped(SCENARIOS[report.scenario].about)} · ${report.connections} connections, ${report.rate === null ? 'as fast as it answers' : `${report.rate} requests a second`}, ${report.seconds.toFixed(0)} s · from ${escaped(report.loadMachine.cpu)}, ${report.loadMachine.cpus} processors, Node ${escaped(report.loadMachine.node)}</p>
${verdict}
<p>${report.answers.toLocaleString('en')} answers, ${report.answersPerSecond.toFixed(0)} a second. ${escaped(httpCpuSentence(report))} ${loop}</p>
<div class="plots">${plots.join('')}</div>
<h2>Times</h2><div class="scroll">${table(['milliseconds', ...curve.slice(3).map(([percent]) => `${percent} %`)], [['an answer', ...curve.slice(3).map(([, ms]) => ms.toFixed(2))]])}</div>
<h2>Errors</h2>${
      errors.length === 0
        ? '<p>None.</p>'
        : table(
            ['status', 'times'],
            errors.map(([key, times]) => [key, String(times)]),
          )
    }
`,
  );
}
