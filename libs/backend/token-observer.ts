/** What is wrong with tokens, and with the key set, for the log, the metrics and the admin page of a program. */
import type { TokenObserver } from '#libs/auth/credentials.ts';
import type { Config } from '#libs/config/config.ts';
import type { KeySetState } from '#libs/presence/node-directory.ts';
import type { Logger } from '#libs/telemetry/logger.ts';
import type { Metrics } from '#libs/telemetry/metrics.ts';

export interface TokenWatch extends TokenObserver {
  /** How fetching the key set goes here. Undefined without `JWT_JWKS_URL`. */
  readonly keys: KeySetState | undefined;
}

/** `now`: Unix milliseconds. */
export function tokenObserver(
  { jwtJwksUrl }: Pick<Config, 'jwtJwksUrl'>,
  metrics: Metrics,
  log: Logger,
  now: () => number = Date.now,
): TokenWatch {
  // Of the address only the host: a path or a query may be a secret.
  const host = jwtJwksUrl === undefined ? '' : new URL(jwtJwksUrl).host;
  let keys: KeySetState | undefined = jwtJwksUrl === undefined ? undefined : { host, fetchedAt: null, problem: null };
  return {
    get keys() {
      return keys;
    },
    refused(fault) {
      metrics.tokenRefused(fault);
      // In the text, by which lines that come again are held back: many tokens that are over hide no wrong `aud`.
      log.warn({ reason: fault }, `a token was refused: ${fault}`);
    },
    keySet(problem) {
      metrics.hot.jwksUp = problem === undefined ? 1 : 0;
      if (problem !== undefined) log.warn({ host, problem }, 'the key set of JWT_JWKS_URL cannot be fetched');
      else if (keys?.problem != null) log.info({ host }, 'the key set of JWT_JWKS_URL is fetched again');
      keys = { host, fetchedAt: problem === undefined ? now() : (keys?.fetchedAt ?? null), problem: problem ?? null };
    },
  };
}
