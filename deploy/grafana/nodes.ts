import { CHOSEN, type DashboardSpec, each, GATEWAYS, rate } from './panel-spec.ts';

/** How each process is. */
export const NODES: DashboardSpec = {
  title: 'Nodes',
  about: 'How each process is: ready, busy, draining, near its limits.',
  rows: [
    {
      title: 'Processes',
      panels: [
        { title: 'Ready', about: '1 while /readyz answers 200.', unit: 'short', queries: [[each('parley_ready'), '{{job}} {{instance}}']] },
        {
          title: 'Event-loop lag',
          about: 'The longest delay of the event loop since the last scrape. Below 100 ms.',
          unit: 's',
          queries: [[each('parley_event_loop_lag_seconds', ',value="max"'), '{{job}} {{instance}}']],
        },
        {
          title: 'CPU',
          about: 'Cores in use. Near 1 the process is full.',
          unit: 'short',
          queries: [[`rate(process_cpu_seconds_total{${CHOSEN}}[$__rate_interval])`, '{{job}} {{instance}}']],
        },
        {
          title: 'Memory',
          about: 'Resident memory.',
          unit: 'bytes',
          queries: [[each('process_resident_memory_bytes'), '{{job}} {{instance}}']],
        },
        {
          title: 'Connections by node',
          about: 'Open connections.',
          unit: 'short',
          queries: [[each('parley_connections', GATEWAYS), '{{instance}}']],
        },
        {
          title: 'Rooms',
          about: 'Rooms with at least one subscription on the node.',
          unit: 'short',
          queries: [[each('parley_rooms', GATEWAYS), '{{instance}}']],
        },
      ],
    },
    {
      title: 'Start and end',
      panels: [
        {
          title: 'Longest drain',
          about: 'DRAIN_SECONDS: how long a node may drain.',
          unit: 's',
          queries: [[each('parley_drain_max_seconds'), '{{instance}}']],
        },
        {
          title: 'Drain state',
          about: '0 serving, 1 draining, 2 drained.',
          unit: 'short',
          queries: [[each('parley_drain_state', GATEWAYS), '{{instance}}']],
        },
        {
          title: 'Starts',
          about: 'Starts within 30 minutes.',
          unit: 'short',
          queries: [[`changes(process_start_time_seconds{${CHOSEN}}[30m])`, '{{job}} {{instance}}']],
        },
        {
          title: 'Age',
          about: 'Time since the start.',
          unit: 'dtdurations',
          queries: [[`time() - process_start_time_seconds{${CHOSEN}}`, '{{job}} {{instance}}']],
        },
        {
          title: 'Versions',
          about: 'Processes by version. Two stand side by side during a deploy.',
          unit: 'short',
          queries: [[`count by (version) (parley_build_info{${CHOSEN}})`, '{{version}}']],
        },
      ],
    },
    {
      title: 'Sockets',
      panels: [
        {
          title: 'Received bytes',
          about: 'Bytes of frames that came from connections.',
          unit: 'Bps',
          queries: [[rate('parley_received_bytes_total', 'instance', GATEWAYS), '{{instance}}']],
        },
        {
          title: 'Sent bytes',
          about: 'Bytes of frames handed to connections.',
          unit: 'Bps',
          queries: [[rate('parley_sent_bytes_total', 'instance', GATEWAYS), '{{instance}}']],
        },
        {
          title: 'Outboxes',
          about: 'Bytes that wait for slow readers: all together, and in the fullest outbox.',
          unit: 'bytes',
          queries: [
            [each('parley_outbox_bytes'), '{{instance}}'],
            [each('parley_outbox_largest_bytes'), '{{instance}}, fullest'],
          ],
        },
        {
          title: 'Slow consumers',
          about: 'Connections dropped because they read too slowly.',
          unit: 'ops',
          queries: [[rate('parley_slow_consumers_total', 'instance', GATEWAYS), '{{instance}}']],
        },
      ],
    },
    {
      title: 'Faults',
      panels: [
        {
          title: 'Unexpected errors',
          about: 'Bugs of Parley. Report each of them.',
          unit: 'short',
          queries: [
            [
              `sum by (task) (increase(parley_background_faults_total{${CHOSEN}}[$__rate_interval])) > 0 or sum(increase(parley_faults_total{${CHOSEN}}[$__rate_interval]))`,
              '{{task}}',
            ],
          ],
        },
        {
          title: 'Log lines dropped',
          about: 'Lines dropped because nobody read standard output.',
          unit: 'ops',
          queries: [[rate('parley_log_lines_dropped_total', 'job, instance'), '{{job}} {{instance}}']],
        },
        {
          title: 'Spans of traces',
          about: 'Sent to the collector, failed there, or dropped because too many waited. 0 if traces are off.',
          unit: 'ops',
          quiet: true,
          queries: [[rate('parley_trace_spans_total', 'result'), '{{result}}']],
        },
        {
          title: 'Sockets dropped',
          about: 'Sockets closed before a request, because open files were running out.',
          unit: 'ops',
          queries: [[rate('parley_sockets_dropped_total', 'instance', GATEWAYS), '{{instance}}']],
        },
      ],
    },
  ],
};
