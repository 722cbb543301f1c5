import { CHOSEN, type DashboardSpec, each, HUB, quantile, rate } from './panel-spec.ts';

/** Who is let in, and who tries. */
export const AUTH_AND_ABUSE: DashboardSpec = {
  title: 'Auth and abuse',
  about: 'Who is let in, who is refused, and which limits strike.',
  rows: [
    {
      title: 'The door',
      panels: [
        {
          title: 'Handshakes refused',
          about: 'By error code, without those that a draining node sends to the others.',
          unit: 'ops',
          quiet: true,
          queries: [[`hub_code:parley_upgrades_refused:rate5m{${HUB}} > 0`, '{{code}}']],
        },
        {
          title: 'Tokens refused',
          about: 'By what was wrong with them.',
          unit: 'ops',
          quiet: true,
          queries: [[rate('parley_tokens_refused_total', 'reason'), '{{reason}}']],
        },
        {
          title: 'Handshake time',
          about: 'From the request to its answer: the chosen quantile.',
          unit: 's',
          queries: [[quantile('parley_handshake_seconds', 'result'), '{{result}}']],
        },
        {
          title: 'Failed logins',
          about: 'Wrong codes and passwords, and logins that a limit, a ban or a shut door refused, by how. A few are normal.',
          unit: 'ops',
          queries: [[rate('parley_logins_total', 'method, result', ',result!="accepted"'), '{{method}} {{result}}']],
        },
        {
          title: 'Logins',
          about: 'Logins accepted, by how: a mailed code, a new account, an agent, a guest, a customer.',
          unit: 'ops',
          queries: [[rate('parley_logins_total', 'method', ',result="accepted"'), '{{method}}']],
        },
        {
          title: 'Welcome time',
          about: 'From the open socket to welcome: the chosen quantile.',
          unit: 's',
          queries: [[quantile('parley_welcome_seconds'), 'welcome']],
        },
      ],
    },
    {
      title: 'Limits',
      panels: [
        {
          title: 'Limits struck on gateways',
          about: 'By limit.',
          unit: 'ops',
          queries: [[rate('parley_rate_limited_total', 'limit'), '{{limit}}']],
        },
        {
          title: 'Limits struck on the API',
          about: 'By limit.',
          unit: 'ops',
          queries: [[rate('parley_api_rate_limited_total', 'limit'), '{{limit}}']],
        },
      ],
    },
    {
      title: 'Logouts and bans',
      panels: [
        {
          title: 'Revocation lag',
          about: 'Since each process last read the log of logouts and bans. Near 1 s.',
          unit: 's',
          queries: [[each('parley_revocation_lag_seconds'), '{{job}} {{instance}}']],
        },
        {
          title: 'Key set',
          about: '1 while the key set of JWT_JWKS_URL can be fetched. 0 where none is set.',
          unit: 'short',
          queries: [[`max by (job) (parley_jwks_up{${CHOSEN}})`, '{{job}}']],
        },
        {
          title: 'Logouts and bans that closed a connection',
          about: 'Connections closed with 4510 (logout, ban) and 4509 (another login).',
          unit: 'ops',
          quiet: true,
          queries: [[rate('parley_disconnects_total', 'code', ',code=~"4509|4510"'), '{{code}}']],
        },
      ],
    },
  ],
};
