import { CHOSEN, type DashboardSpec, each, quantile, rate } from './panel-spec.ts';

/** PostgreSQL, as the programs see it. */
export const STORE: DashboardSpec = {
  title: 'Store',
  about: 'PostgreSQL, as the programs see it: times, pools, queues.',
  rows: [
    {
      title: 'PostgreSQL',
      panels: [
        {
          title: 'PostgreSQL answers',
          about: '1 while the database answers.',
          unit: 'short',
          queries: [[each('parley_store_up'), '{{job}} {{instance}}']],
        },
        {
          title: 'Statement time',
          about: 'From sending a statement to its answer: the chosen quantile.',
          unit: 's',
          queries: [[`topk(8, ${quantile('parley_store_statement_seconds', 'statement')})`, '{{statement}}']],
        },
        {
          title: 'Statements',
          about: 'Statements a second.',
          unit: 'ops',
          queries: [[`topk(8, ${rate('parley_store_statement_seconds_count', 'statement')})`, '{{statement}}']],
        },
        {
          title: 'Messages stored',
          about: 'Messages written a second, and the groups that they were written in.',
          unit: 'ops',
          queries: [
            [rate('parley_messages_stored_total'), 'messages'],
            [rate('parley_store_groups_total'), 'groups'],
          ],
        },
        {
          title: 'Queue of writes',
          about: 'Items that wait to be written. Near 0.',
          unit: 'short',
          queries: [[`sum by (instance, queue) (parley_store_queue{${CHOSEN}})`, '{{instance}} {{queue}}']],
        },
        {
          title: 'Store errors',
          about: 'Statements and connections that failed.',
          unit: 'ops',
          queries: [[rate('parley_store_errors_total', 'job, instance'), '{{job}} {{instance}}']],
        },
      ],
    },
    {
      title: 'Pools',
      panels: [
        {
          title: 'Time of a group of messages',
          about: 'How long a statement took that wrote a group of messages, on average.',
          unit: 's',
          queries: [[`${rate('parley_store_seconds_total')} / ${rate('parley_store_groups_total')}`, 'mean']],
        },
        {
          title: 'Connections of the pools',
          about: 'Connections by state. waiting: calls that wait for one.',
          unit: 'short',
          queries: [[`sum by (pool, state) (parley_store_connections{${CHOSEN}})`, '{{pool}} {{state}}']],
        },
        {
          title: 'Wait for a connection',
          about: 'Time until a connection of the pool is free: the chosen quantile.',
          unit: 's',
          queries: [[quantile('parley_store_wait_seconds', 'pool'), '{{pool}}']],
        },
      ],
    },
    {
      title: 'Logs that nodes follow',
      panels: [
        {
          title: 'Lag of the logs',
          about: 'Since each process last read the logouts and bans (near 1 s) and the events of rooms (near 0.5 s).',
          unit: 's',
          queries: [
            [each('parley_revocation_lag_seconds'), '{{instance}} revocations'],
            [each('parley_room_events_lag_seconds'), '{{instance}} rooms'],
          ],
        },
      ],
    },
  ],
};
