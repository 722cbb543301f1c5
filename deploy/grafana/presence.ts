import { CHOSEN, type DashboardSpec, each, GATEWAYS, HUB, rate } from './panel-spec.ts';

/** Who is there. */
export const PRESENCE: DashboardSpec = {
  title: 'Presence',
  about: 'Who is online, as each node knows it.',
  rows: [
    {
      title: 'People',
      panels: [
        {
          title: 'People online, as each node knows it',
          about: 'All gateways have the same number.',
          unit: 'short',
          queries: [[each('parley_users_online', GATEWAYS), '{{instance}}']],
        },
        {
          title: 'Difference between nodes',
          about: 'The largest number minus the smallest: 0, but for a second after a change.',
          unit: 'short',
          queries: [[`max(parley_users_online{${HUB}${GATEWAYS}}) - min(parley_users_online{${HUB}${GATEWAYS}})`, 'people']],
        },
        {
          title: 'Sessions by kind',
          about: 'Open connections by the kind of their user.',
          unit: 'short',
          queries: [[`sum by (kind) (parley_sessions{${CHOSEN}})`, '{{kind}}']],
        },
        {
          title: 'Rooms with people',
          about: 'Rooms with at least one subscription, by node.',
          unit: 'short',
          queries: [[each('parley_rooms', GATEWAYS), '{{instance}}']],
        },
        {
          title: 'Subscriptions',
          about: 'Subscriptions of connections to rooms.',
          unit: 'short',
          queries: [[each('parley_subscriptions', GATEWAYS), '{{instance}}']],
        },
        {
          title: 'Connections a person',
          about: 'Tabs and devices for each person.',
          unit: 'short',
          queries: [[`sum(parley_connections{${HUB}}) / (max(parley_users_online{${HUB}}) > 0)`, 'connections']],
        },
      ],
    },
    {
      title: 'Repairs',
      panels: [
        {
          title: 'Presence restored',
          about: 'Times that a node put its people back into Redis, after Redis had lost them.',
          unit: 'short',
          queries: [[`sum by (instance) (increase(parley_presence_restores_total{${CHOSEN}}[$__rate_interval]))`, '{{instance}}']],
        },
        {
          title: 'Removed for dead nodes',
          about: 'Connections of dead nodes that a node removed.',
          unit: 'ops',
          queries: [[rate('parley_presence_reaped_total', 'instance', GATEWAYS), '{{instance}}']],
        },
        {
          title: 'Observed events',
          about: 'Users online and offline, rooms occupied and vacated, if OBSERVED_EVENTS is on.',
          unit: 'ops',
          queries: [[rate('parley_observed_events_total', 'kind'), '{{kind}}']],
        },
      ],
    },
  ],
};
