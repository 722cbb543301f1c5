import { type DashboardSpec, GATEWAYS, HUB, quantile, rate } from './panel-spec.ts';

/** Is all well, for everybody at once. */
export const OVERVIEW: DashboardSpec = {
  title: 'Overview',
  about: 'Whether all is well: alerts, people, messages, and the times that people wait for.',
  rows: [
    {
      title: 'Now',
      panels: [
        {
          title: 'Firing alerts',
          about: 'Alerts that fire. docs/runbooks has a page for each.',
          unit: 'short',
          kind: 'stat',
          good: { below: 1 },
          quiet: true,
          queries: [[`count(ALERTS{alertname=~"Parley.+",alertstate="firing",${HUB}})`, 'alerts']],
        },
        {
          title: 'People online',
          about: 'Distinct people on all nodes.',
          unit: 'short',
          kind: 'stat',
          queries: [[`max(parley_users_online{${HUB}})`, 'people']],
        },
        {
          title: 'Open connections',
          about: 'Tabs and devices on all gateways.',
          unit: 'short',
          kind: 'stat',
          queries: [[`sum(parley_connections{${HUB}})`, 'connections']],
        },
        {
          title: 'Messages a second',
          about: 'Messages that people sent and the hub accepted.',
          unit: 'ops',
          kind: 'stat',
          queries: [[rate('parley_messages_received_total'), 'messages']],
        },
        {
          title: 'Delivered a second',
          about: 'Messages handed to connections: one for each recipient.',
          unit: 'ops',
          kind: 'stat',
          queries: [[rate('parley_messages_delivered_total'), 'deliveries']],
        },
        {
          title: 'Programs that answer',
          about: 'The share of the targets that answer Prometheus: 100 %.',
          unit: 'percentunit',
          kind: 'stat',
          good: { from: 1 },
          queries: [[`avg(up{job=~"parley-.+",${HUB}})`, 'up']],
        },
        {
          title: 'Connections',
          about: 'Open connections by gateway. In a rolling deploy they move, and the sum stays.',
          unit: 'short',
          queries: [[`sum by (instance) (parley_connections{${HUB}${GATEWAYS}})`, '{{instance}}']],
        },
        {
          title: 'Delivery time',
          about: "From the publisher's gateway to every node's sockets: the chosen quantile. Below 50 ms.",
          unit: 's',
          queries: [[quantile('parley_delivery_latency_seconds', 'room_kind'), '{{room_kind}}']],
        },
        {
          title: 'Ack time',
          about: 'From a message to its ack: the chosen quantile, by what the room keeps. Below 100 ms.',
          unit: 's',
          queries: [[quantile('parley_ack_seconds', 'retention'), '{{retention}}']],
        },
        {
          title: 'Messages received',
          about: 'Messages that people sent and the hub accepted.',
          unit: 'ops',
          queries: [[rate('parley_messages_received_total', 'instance', GATEWAYS), '{{instance}}']],
        },
        {
          title: 'Messages delivered',
          about: 'Messages handed to connections: one for each recipient.',
          unit: 'ops',
          queries: [[rate('parley_messages_delivered_total', 'instance', GATEWAYS), '{{instance}}']],
        },
        {
          title: 'Programs up',
          about: 'Targets that answer, by program.',
          unit: 'short',
          queries: [[`sum by (job) (up{job=~"parley-.+",${HUB}})`, '{{job}}']],
        },
      ],
    },
    {
      title: 'Objectives',
      panels: [
        {
          title: 'Messages without ack',
          about: "Share of the messages that failed for a reason of the hub's own. 0.1 % is the objective over 30 days.",
          unit: 'percentunit',
          queries: [
            [`hub:parley_messages_failed:ratio_rate5m{${HUB}}`, '5 minutes'],
            [`hub:parley_messages_failed:ratio_rate1h{${HUB}}`, '1 hour'],
            [`hub:parley_messages_failed:ratio_rate6h{${HUB}}`, '6 hours'],
            [`hub:parley_messages_failed:ratio_rate3d{${HUB}}`, '3 days'],
          ],
        },
        {
          title: 'Late messages',
          about: 'Share of the messages that took more than 500 ms. 1 % is the objective over 30 days.',
          unit: 'percentunit',
          queries: [
            [`hub:parley_deliveries_late:ratio_rate5m{${HUB}}`, '5 minutes'],
            [`hub:parley_deliveries_late:ratio_rate1h{${HUB}}`, '1 hour'],
            [`hub:parley_deliveries_late:ratio_rate6h{${HUB}}`, '6 hours'],
            [`hub:parley_deliveries_late:ratio_rate3d{${HUB}}`, '3 days'],
          ],
        },
        {
          title: 'Answers to messages',
          about: "acked; failed: the hub's fault; refused: the sender's.",
          unit: 'ops',
          queries: [[rate('parley_message_answers_total', 'result'), '{{result}}']],
        },
      ],
    },
    {
      title: 'Connections that come and go',
      panels: [
        {
          title: 'Handshakes',
          about: 'Connections that were made.',
          unit: 'ops',
          queries: [[rate('parley_upgrades_total', 'instance', GATEWAYS), '{{instance}}']],
        },
        {
          title: 'Ends by code',
          about: 'Connections that ended, by close code. 1000, 1001, 1005: the client left. 1012: a node drains.',
          unit: 'ops',
          quiet: true,
          queries: [[`${rate('parley_disconnects_total', 'code')} > 0`, '{{code}}']],
        },
        {
          title: 'Broken connections',
          about: 'Ends that neither the client nor an operator asked for.',
          unit: 'ops',
          quiet: true,
          queries: [[`hub_code:parley_disconnects_abnormal:rate5m{${HUB}} > 0`, '{{code}}']],
        },
      ],
    },
  ],
};
