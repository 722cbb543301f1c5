/** A real Prometheus, and a real blackbox-exporter. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { ROOT } from '#deploy/check/step.ts';
import { freePort } from './free-port.ts';
import { ruleGroups } from './promtool.ts';
import { ProxyProgram } from './proxy-program.ts';
import { makeFolder } from './temp-folder.ts';

/** The addresses of a job's processes. */
export type Targets = Readonly<Record<string, readonly string[]>>;

/** A series in the answer to a query: one point for an instant query, several for a range. */
export interface QuerySeries {
  readonly metric: Readonly<Record<string, string>>;
  /** Unix seconds, value. */
  readonly points: readonly (readonly [number, number])[];
}

/** An alert that is pending or firing. */
export interface ActiveAlert {
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly state: 'pending' | 'firing';
}

/** Options of `Prometheus.start`. */
export interface PrometheusOptions {
  readonly targets: Targets;
  /** The address of blackbox-exporter, and what it probes. */
  readonly edge: { readonly exporter: string; readonly url: string };
  /** Divides windows and `for` of the rules, down to what a scrape each second allows. Default 1. */
  readonly faster?: number;
}

const UNITS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400 };
/** Windows need several scrapes: with fewer, a rate has no value for a moment. */
const WINDOW_MIN_SECONDS = 8;

const shorter = (text: string, faster: number, minimum: number): string =>
  `${Math.max(minimum, Math.ceil((Number.parseInt(text, 10) * (UNITS[text.at(-1) ?? ''] ?? 1)) / faster))}s`;

/** The rules with windows and `for` divided. The names of series and alerts stay. */
function fasterRules(faster: number): object {
  return {
    groups: ruleGroups().map((group) => ({
      ...group,
      rules: group.rules.map((rule) => ({
        ...rule,
        expr: rule.expr
          .replaceAll(/\[(\d+[smhd])\]/g, (_, window: string) => `[${shorter(window, faster, WINDOW_MIN_SECONDS)}]`)
          .replaceAll(
            /\[(\d+[smhd]):(\d+[smhd])\]/g,
            (_, window: string, step: string) => `[${shorter(window, faster, 1)}:${shorter(step, faster, 1)}]`,
          ),
        ...('for' in rule && rule.for !== undefined && { for: shorter(rule.for, faster, 1) }),
      })),
    })),
  };
}

/** A Prometheus that scrapes and evaluates once a second. */
export class Prometheus extends ProxyProgram {
  static async start({ targets, edge, faster = 1 }: PrometheusOptions): Promise<Prometheus> {
    const [port, folder] = [await freePort(), makeFolder('parley-prometheus-')];
    const [config, rules] = [join(folder, 'prometheus.json'), join(folder, 'rules.json')];
    writeFileSync(rules, JSON.stringify(faster === 1 ? { groups: ruleGroups() } : fasterRules(faster)));
    const jobs = Object.entries(targets).map(([job, addresses]) => ({ job_name: job, static_configs: [{ targets: addresses }] }));
    const probe = {
      job_name: 'parley-edge',
      metrics_path: '/probe',
      params: { module: ['parley'] },
      static_configs: [{ targets: [edge.url] }],
      relabel_configs: [
        { source_labels: ['__address__'], target_label: '__param_target' },
        { source_labels: ['__param_target'], target_label: 'instance' },
        { target_label: '__address__', replacement: edge.exporter },
      ],
    };
    const text = {
      global: { scrape_interval: '1s', scrape_timeout: '1s', evaluation_interval: '1s' },
      rule_files: [rules],
      scrape_configs: [...jobs, probe],
    };
    writeFileSync(config, JSON.stringify(text));
    const places = [`--config.file=${config}`, `--storage.tsdb.path=${join(folder, 'data')}`, `--web.listen-address=127.0.0.1:${port}`];
    const prometheus = new Prometheus(['prometheus', ...places, '--log.level=warn'], port, folder);
    await prometheus.ready('Prometheus is ready', async () => (await fetch(`${prometheus.url}/-/ready`)).ok);
    return prometheus;
  }

  /** Evaluates a query now. Rejects if it is not PromQL. */
  async query(query: string): Promise<QuerySeries[]> {
    const { result } = await this.#get<{ result: { metric: QuerySeries['metric']; value: [number, string] }[] }>('query', { query });
    return result.map(({ metric, value: [at, value] }) => ({ metric, points: [[at, Number(value)]] }));
  }

  /** Evaluates a query over the last seconds. */
  async range(query: string, seconds: number, step: number): Promise<QuerySeries[]> {
    const end = Date.now() / 1000;
    const span = { start: String(end - seconds), end: String(end), step: String(step) };
    const { result } = await this.#get<{ result: { metric: QuerySeries['metric']; values: [number, string][] }[] }>('query_range', {
      query,
      ...span,
    });
    return result.map(({ metric, values }) => ({ metric, points: values.map(([at, value]) => [at, Number(value)] as const) }));
  }

  /** The alerts that are pending or firing. */
  async alerts(): Promise<ActiveAlert[]> {
    return (await this.#get<{ alerts: ActiveAlert[] }>('alerts', {})).alerts;
  }

  /** The targets that were not scraped well, with the reason. */
  async troubledTargets(): Promise<string[]> {
    const { activeTargets } = await this.#get<{ activeTargets: { health: string; scrapeUrl: string; lastError: string }[] }>('targets', {});
    return activeTargets.flatMap(({ health, scrapeUrl, lastError }) => (health === 'up' ? [] : [`${scrapeUrl}: ${health} ${lastError}`]));
  }

  async #get<T>(path: string, parameters: Readonly<Record<string, string>>): Promise<T> {
    const response = await fetch(`${this.url}/api/v1/${path}`, {
      method: path.startsWith('query') ? 'POST' : 'GET',
      ...(path.startsWith('query') && { body: new URLSearchParams(parameters) }),
    });
    const answer = (await response.json()) as { status: string; data: T; error?: string };
    if (answer.status !== 'success') throw new Error(`${answer.error}: ${parameters['query']}`);
    return answer.data;
  }
}

/** A blackbox-exporter with the modules of `deploy/prometheus`. */
export class BlackboxExporter extends ProxyProgram {
  /** @param authority A file with the certificate that it trusts. */
  static async start(authority: string): Promise<BlackboxExporter> {
    const [port, folder] = [await freePort(), makeFolder('parley-blackbox-')];
    const modules = parse(readFileSync(join(ROOT, 'deploy', 'prometheus', 'blackbox.yaml'), 'utf8')) as {
      modules: { parley: { http: object } };
    };
    Object.assign(modules.modules.parley.http, { tls_config: { ca_file: authority } });
    const config = join(folder, 'blackbox.json');
    writeFileSync(config, JSON.stringify(modules));
    const exporter = new BlackboxExporter(
      ['prometheus-blackbox-exporter', `--config.file=${config}`, `--web.listen-address=127.0.0.1:${port}`, '--log.level=warn'],
      port,
      folder,
    );
    await exporter.ready('blackbox-exporter is healthy', async () => (await fetch(`${exporter.url}/-/healthy`)).ok);
    return exporter;
  }
}
