import { type DashboardSpec, quantile, rate } from './panel-spec.ts';

/** The HTTP API. */
export const API: DashboardSpec = {
  title: 'API',
  about: 'The HTTP API: requests, their times and their errors.',
  rows: [
    {
      title: 'Requests',
      panels: [
        {
          title: 'Requests a second',
          about: 'By class of the status.',
          unit: 'ops',
          queries: [[rate('parley_api_request_seconds_count', 'status'), '{{status}}']],
        },
        {
          title: 'Request time',
          about: 'From the request to its answer, over all routes: the chosen quantile.',
          unit: 's',
          queries: [[quantile('parley_api_request_seconds', 'status'), '{{status}}']],
        },
        {
          title: 'Server errors',
          about: 'Share of the answers 5xx: 0.',
          unit: 'percentunit',
          queries: [
            [
              `(${rate('parley_api_request_seconds_count', '', ',status="5xx"')} or vector(0)) / ${rate('parley_api_request_seconds_count')}`,
              '5xx',
            ],
          ],
        },
      ],
    },
    {
      title: 'By route',
      panels: [
        {
          title: 'Busiest routes',
          about: 'Requests a second.',
          unit: 'ops',
          queries: [[`topk(8, ${rate('parley_api_request_seconds_count', 'route')})`, '{{route}}']],
        },
        {
          title: 'Slowest routes',
          about: 'Time of the request: the chosen quantile.',
          unit: 's',
          queries: [[`topk(8, ${quantile('parley_api_request_seconds', 'route')})`, '{{route}}']],
        },
        {
          title: 'Routes with errors',
          about: 'Answers 4xx and 5xx a second.',
          unit: 'ops',
          quiet: true,
          queries: [[rate('parley_api_request_seconds_count', 'route, status', ',status=~"4xx|5xx"'), '{{route}} {{status}}']],
        },
      ],
    },
  ],
};
