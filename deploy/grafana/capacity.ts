import { CHOSEN, type DashboardSpec, HUB } from './panel-spec.ts';

/** How near everything is to its limit. */
export const CAPACITY: DashboardSpec = {
  title: 'Capacity',
  about: 'How near each process is to each of its limits. 100 % is the limit.',
  rows: [
    {
      title: 'Share of the limit',
      panels: [
        {
          title: 'Connections',
          about: 'Of those that fit: CONNECTIONS_MAX, or what open files leave.',
          unit: 'percentunit',
          queries: [[`instance:parley_connections:ratio{${CHOSEN}}`, '{{instance}}']],
        },
        {
          title: 'Open files',
          about: 'Of the limit of open files.',
          unit: 'percentunit',
          queries: [[`instance:process_open_fds:ratio{${CHOSEN}}`, '{{job}} {{instance}}']],
        },
        {
          title: 'Memory',
          about: "Of the container's memory, or the machine's.",
          unit: 'percentunit',
          queries: [[`instance:process_resident_memory_bytes:ratio{${CHOSEN}}`, '{{job}} {{instance}}']],
        },
        {
          title: 'Heap',
          about: 'Of what the heap of Node may take.',
          unit: 'percentunit',
          queries: [[`instance:nodejs_heap_size_used_bytes:ratio{${CHOSEN}}`, '{{job}} {{instance}}']],
        },
        {
          title: 'CPU of one core',
          about: 'A gateway runs on one core.',
          unit: 'percentunit',
          queries: [[`rate(process_cpu_seconds_total{${CHOSEN}}[$__rate_interval])`, '{{job}} {{instance}}']],
        },
        {
          title: 'Fullest outbox',
          about: 'Of the 1 MiB at which a slow reader is dropped.',
          unit: 'percentunit',
          queries: [[`parley_outbox_largest_bytes{${CHOSEN}} / parley_outbox_max_bytes{${CHOSEN}}`, '{{instance}}']],
        },
        {
          title: 'Messages in flight',
          about: 'Messages without an answer, of the most that a node takes.',
          unit: 'percentunit',
          queries: [
            [
              `parley_messages_in_flight{${CHOSEN}} / on (job, instance, namespace) group_left () parley_messages_in_flight_max{${CHOSEN}}`,
              '{{instance}} {{lane}}',
            ],
          ],
        },
        {
          title: 'Writes that wait',
          about: 'Of the queues of writes.',
          unit: 'percentunit',
          queries: [[`parley_store_queue{${CHOSEN}} / (parley_store_queue_max{${CHOSEN}} > 0)`, '{{instance}} {{queue}}']],
        },
        {
          title: 'Connections to PostgreSQL',
          about: 'Of the pools.',
          unit: 'percentunit',
          queries: [
            [
              `sum by (job, instance, pool) (parley_store_connections{state!="waiting",${CHOSEN}}) / sum by (job, instance, pool) (parley_store_connections_max{${CHOSEN}})`,
              '{{job}} {{instance}} {{pool}}',
            ],
          ],
        },
      ],
    },
    {
      title: 'Growth',
      panels: [
        {
          title: 'Connections in 4 hours',
          about: 'If the last hour goes on: connections of the hub, and what fits.',
          unit: 'short',
          queries: [
            [`predict_linear(hub:parley_connections:sum{${HUB}}[1h], 4 * 3600)`, 'in 4 hours'],
            [`hub:parley_connections:sum{${HUB}}`, 'now'],
            [`sum(parley_connections_max{${HUB}} > 0)`, 'fit'],
          ],
        },
      ],
    },
    {
      title: 'Limits of clients',
      panels: [
        {
          title: 'What a client may do a second',
          about: 'By limit. 0: no limit.',
          unit: 'short',
          queries: [[`max by (limit) (parley_rate_limit_per_second{${CHOSEN}})`, '{{limit}}']],
        },
        {
          title: 'Connections that a client may have',
          about: 'Of one user, of one address. 0: no limit.',
          unit: 'short',
          queries: [[`max by (client) (parley_connections_per_client_max{${CHOSEN}})`, '{{client}}']],
        },
      ],
    },
  ],
};
