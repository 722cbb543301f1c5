/** Counts logins by the answers of the routes that log people in. */
import type { LoginMethod, LoginResult } from '#libs/telemetry/metrics.ts';
import type { AnswerObserver } from './observe-answers.ts';

/** The routes that log somebody in. A renewal (`/auth/refresh`) is no login. */
const METHODS: Readonly<Record<string, LoginMethod>> = {
  'POST /api/v1/auth/verify': 'code',
  'POST /api/v1/auth/register': 'registration',
  'POST /api/v1/public/login': 'agent',
  'POST /api/v1/guests': 'guest',
  'POST /api/v1/customers': 'customer',
};

const REFUSALS: ReadonlySet<number> = new Set([403, 409, 429]);

/** Reports the logins among the answers. A request that is not valid is no login. */
export function loginCounter(counted: (method: LoginMethod, result: LoginResult) => void): AnswerObserver {
  return (route, status) => {
    const method = METHODS[route];
    const result = resultOf(status);
    if (method !== undefined && result !== undefined) counted(method, result);
  };
}

function resultOf(status: number): LoginResult | undefined {
  if (status < 300) return 'accepted';
  if (status === 401) return 'failed';
  if (REFUSALS.has(status)) return 'refused';
  return status >= 500 ? 'error' : undefined;
}
