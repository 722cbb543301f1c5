import { CHOSEN, type DashboardSpec, each, GATEWAYS, quantile, rate } from './panel-spec.ts';

/** The way between the nodes. */
export const RELAY_AND_REDIS: DashboardSpec = {
  title: 'Relay and Redis',
  about: 'The way between the nodes: Redis, its times, gaps and recoveries.',
  rows: [
    {
      title: 'Redis',
      panels: [
        {
          title: 'Redis connected',
          about: '1 while every master of Redis is connected.',
          unit: 'short',
          queries: [[each('parley_redis_up'), '{{job}} {{instance}}']],
        },
        {
          title: 'Redis lag',
          about: 'Round trip of the last probe: published to Redis and received back. Some milliseconds.',
          unit: 's',
          queries: [[each('parley_redis_lag_seconds', GATEWAYS), '{{instance}}']],
        },
        {
          title: 'Delivery time by node',
          about: "From the publisher's gateway to this node's sockets: the chosen quantile.",
          unit: 's',
          queries: [[quantile('parley_delivery_latency_seconds', 'instance'), '{{instance}}']],
        },
        {
          title: 'Command time',
          about: 'From sending a command or script to its reply: the chosen quantile.',
          unit: 's',
          queries: [[quantile('parley_redis_command_seconds', 'command'), '{{command}}']],
        },
        {
          title: 'Commands',
          about: 'Commands and scripts a second.',
          unit: 'ops',
          queries: [[rate('parley_redis_command_seconds_count', 'command'), '{{command}}']],
        },
        {
          title: 'Gaps',
          about: 'Gaps found in the sequence of rooms, and those filled from the stream: the same number.',
          unit: 'ops',
          queries: [
            [rate('parley_gaps_found_total'), 'found'],
            [rate('parley_gaps_filled_total'), 'filled'],
          ],
        },
      ],
    },
    {
      title: 'People who come back',
      panels: [
        {
          title: 'Recoveries',
          about: 'Joins with a position: recovered, or lost and told so.',
          unit: 'ops',
          queries: [[rate('parley_recoveries_total', 'result'), '{{result}}']],
        },
        {
          title: 'Recovery time',
          about: 'From a join with a position to its last page: the chosen quantile.',
          unit: 's',
          queries: [[quantile('parley_recovery_seconds', 'result'), '{{result}}']],
        },
        {
          title: 'Join time',
          about: 'From a join without a position to its answer: the chosen quantile.',
          unit: 's',
          queries: [[quantile('parley_join_seconds', 'room_kind'), '{{room_kind}}']],
        },
      ],
    },
    {
      title: 'Troubles',
      panels: [
        {
          title: 'Reconnects',
          about: 'Redis connections that broke and were made again.',
          unit: 'short',
          queries: [
            [`sum by (job, instance) (increase(parley_redis_reconnects_total{${CHOSEN}}[$__rate_interval]))`, '{{job}} {{instance}}'],
          ],
        },
        {
          title: 'Clock offset',
          about: "This machine's clock minus that of Redis. Within some milliseconds.",
          unit: 's',
          queries: [[each('parley_clock_offset_seconds'), '{{instance}}']],
        },
        {
          title: 'Unknown signals',
          about: 'Signals of a newer version, which this one ignores.',
          unit: 'ops',
          queries: [[rate('parley_unknown_signals_total', 'instance', GATEWAYS), '{{instance}}']],
        },
      ],
    },
  ],
};
