/** What a dashboard shows, as data. `dashboard.ts` makes Grafana's JSON of it. */

/** How a value is read, in the names of Grafana. `percentunit`: 0 to 1. */
export type Unit = 'short' | 's' | 'bytes' | 'Bps' | 'ops' | 'percentunit' | 'dtdurations';

/** A panel. */
export interface PanelSpec {
  /** Unique in its dashboard: runbook pages name panels by it. */
  readonly title: string;
  /** One sentence for the person who looks: what is shown, and what is normal. */
  readonly about: string;
  readonly unit: Unit;
  /** PromQL, and the name of its lines. */
  readonly queries: readonly (readonly [expr: string, legend: string])[];
  /** One number in place of a graph. Default: a graph. */
  readonly kind?: 'graph' | 'stat';
  /**
   * From this value on, a stat is green; below it, red. `below`: the other way round. Default: it has
   * no colour, since no value of it is bad in itself.
   */
  readonly good?: { readonly from: number } | { readonly below: number };
  /** A query that may have nothing to show in a hub that is well. It shows 0 then. */
  readonly quiet?: true;
}

/** A row of panels. All but the first are collapsed. */
export interface RowSpec {
  readonly title: string;
  readonly panels: readonly PanelSpec[];
}

/** A dashboard. */
export interface DashboardSpec {
  readonly title: string;
  readonly about: string;
  readonly rows: readonly [RowSpec, ...RowSpec[]];
}

/** Selects the processes that the person chose. */
export const CHOSEN = 'namespace=~"$namespace",job=~"$job",instance=~"$instance"';
/** Selects the hub that the person chose, for series without processes. */
export const HUB = 'namespace=~"$namespace"';

/**
 * Selects gateways only, also the all-in-one. API and workers have their metrics, too, and they are
 * always 0 there.
 */
export const GATEWAYS = ',job!~"parley-(api|worker)"';

/** The rate of a counter a second, summed by these labels. It sees restarts: `rate` comes first. */
export function rate(counter: string, by = '', more = ''): string {
  return `sum by (${by}) (rate(${counter}{${CHOSEN}${more}}[$__rate_interval]))`;
}

/** The chosen quantile of a histogram, over all chosen processes, by these labels. */
export function quantile(histogram: string, by = ''): string {
  const labels = by === '' ? 'le' : `${by}, le`;
  return `histogram_quantile($quantile, sum by (${labels}) (rate(${histogram}_bucket{${CHOSEN}}[$__rate_interval])))`;
}

/** A gauge of each process. */
export function each(gauge: string, more = ''): string {
  return `${gauge}{${CHOSEN}${more}}`;
}

/** A query of a panel, as it is sent. */
export function sentQuery({ quiet }: PanelSpec, query: string): string {
  return quiet ? `${query} or vector(0)` : query;
}
