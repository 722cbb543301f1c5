/** What is wrong with tokens, and with the key set, for the log and the metrics of a program. */
import type { TokenObserver } from '#libs/auth/token-refusal.ts';
import type { Config } from '#libs/config/config.ts';
import type { Logger } from '#libs/telemetry/logger.ts';
import type { Metrics } from '#libs/telemetry/metrics.ts';

export function tokenObserver({ jwtJwksUrl }: Pick<Config, 'jwtJwksUrl'>, metrics: Metrics, log: Logger): TokenObserver {
  const host = jwtJwksUrl === undefined ? undefined : new URL(jwtJwksUrl).host;
  let failing = false;
  return {
    refused(fault) {
      metrics.tokenRefused(fault);
      log.warn({ reason: fault }, 'a token was refused');
    },
    keySet(problem) {
      metrics.hot.jwksUp = problem === undefined ? 1 : 0;
      if (problem !== undefined) log.warn({ host, problem }, 'the key set of JWT_JWKS_URL cannot be fetched');
      else if (failing) log.info({ host }, 'the key set of JWT_JWKS_URL is fetched again');
      failing = problem !== undefined;
    },
  };
}
