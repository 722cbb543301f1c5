/** Grafana's JSON of the dashboards, built with its own SDK. */
import { BigValueColorMode } from '@grafana/grafana-foundation-sdk/common';
import {
  CustomVariableBuilder,
  DashboardBuilder,
  DashboardCursorSync,
  DashboardLinkBuilder,
  DashboardLinkType,
  DatasourceVariableBuilder,
  QueryVariableBuilder,
  RowBuilder,
  ThresholdsConfigBuilder,
  ThresholdsMode,
  VariableRefresh,
  VariableSort,
} from '@grafana/grafana-foundation-sdk/dashboard';
import { DataqueryBuilder } from '@grafana/grafana-foundation-sdk/prometheus';
import { PanelBuilder as StatBuilder } from '@grafana/grafana-foundation-sdk/stat';
import { PanelBuilder as GraphBuilder } from '@grafana/grafana-foundation-sdk/timeseries';
import { type DashboardSpec, type PanelSpec, sentQuery } from './panel-spec.ts';

/** The data source that the person chose. */
const SOURCE = { type: 'prometheus', uid: '$datasource' } as const;
const QUANTILES = '0.5,0.9,0.99,0.999';
/** Of the 24 columns of Grafana's grid. */
const GRAPH = { span: 8, height: 8 } as const;
const STAT = { span: 4, height: 4 } as const;

/** The name of a dashboard's file and address: `relay-and-redis`. */
export function slug(title: string): string {
  return title.toLowerCase().replaceAll(' ', '-');
}

/** Returns the JSON of a dashboard, as `files/dashboards/*.json` of the chart has it. */
export function dashboardJson(spec: DashboardSpec): string {
  const [first, ...others] = spec.rows;
  const builder = new DashboardBuilder(`Parley / ${spec.title}`)
    .uid(`parley-${slug(spec.title)}`)
    .description(spec.about)
    .tags(['parley'])
    .readonly()
    .timezone('browser')
    .time({ from: 'now-3h', to: 'now' })
    .refresh('30s')
    .tooltip(DashboardCursorSync.Crosshair)
    .link(
      new DashboardLinkBuilder('Parley')
        .type(DashboardLinkType.Dashboards)
        .tags(['parley'])
        .asDropdown(true)
        .keepTime(true)
        .includeVars(true),
    );
  for (const variable of variables()) builder.withVariable(variable);
  builder.withRow(new RowBuilder(first.title));
  for (const panel of first.panels) builder.withPanel(panelOf(panel));
  for (const row of others) {
    const built = new RowBuilder(row.title).collapsed(true);
    for (const panel of row.panels) built.withPanel(panelOf(panel));
    builder.withRow(built);
  }
  return `${JSON.stringify(builder.build(), null, 1)}\n`;
}

/** The choices at the top: data source, installation, program, process, quantile. */
function variables() {
  const labels = (name: string, query: string): QueryVariableBuilder =>
    new QueryVariableBuilder(name)
      .datasource(SOURCE)
      .query({ query, refId: name })
      .definition(query)
      .refresh(VariableRefresh.OnTimeRangeChanged)
      .sort(VariableSort.AlphabeticalAsc)
      .multi(true)
      .includeAll(true)
      // Also where nothing has the label: one hub outside of Kubernetes has no namespace.
      .allValue('.*')
      .current({ text: 'All', value: '$__all' });
  return [
    new DatasourceVariableBuilder('datasource').label('Data source').type('prometheus'),
    labels('namespace', 'label_values(up{job=~"parley-.+"}, namespace)').label('Installation'),
    labels('job', 'label_values(up{job=~"parley-.+",namespace=~"$namespace"}, job)').label('Program').allValue('parley-.+'),
    labels('instance', 'label_values(up{job=~"$job",namespace=~"$namespace"}, instance)').label('Process'),
    new CustomVariableBuilder('quantile').label('Quantile').values(QUANTILES).current({ text: '0.99', value: '0.99' }),
  ];
}

function panelOf(spec: PanelSpec): GraphBuilder | StatBuilder {
  const { span, height } = spec.kind === 'stat' ? STAT : GRAPH;
  const panel = spec.kind === 'stat' ? statOf(spec) : new GraphBuilder().fillOpacity(8).lineWidth(1).axisSoftMin(0);
  panel.title(spec.title).description(spec.about).unit(spec.unit).datasource(SOURCE).span(span).height(height);
  for (const [index, [expr, legend]] of spec.queries.entries()) {
    const query = new DataqueryBuilder()
      .datasource(SOURCE)
      .expr(sentQuery(spec, expr))
      .legendFormat(legend)
      .refId(String.fromCharCode('A'.charCodeAt(0) + index));
    panel.withTarget(spec.kind === 'stat' ? query.instant() : query.range());
  }
  return panel;
}

/** A number, coloured only if its spec says which values are good. */
function statOf({ good }: PanelSpec): StatBuilder {
  if (good === undefined) return new StatBuilder().colorMode(BigValueColorMode.None);
  const [low, high, limit] = 'from' in good ? (['red', 'green', good.from] as const) : (['green', 'red', good.below] as const);
  return new StatBuilder().colorMode(BigValueColorMode.Value).thresholds(
    new ThresholdsConfigBuilder().mode(ThresholdsMode.Absolute).steps([
      { value: null, color: low },
      { value: limit, color: high },
    ]),
  );
}
