/**
 * Reports refused tokens and the state of the key set to the log, the metrics and the admin page.
 */
import type { TokenObserver } from '#libs/auth/credentials.ts';
import type { Config } from '#libs/config/config.ts';
import type { KeySetState } from '#libs/presence/node-directory.ts';
import type { Logger } from '#libs/telemetry/logger.ts';
import type { Metrics } from '#libs/telemetry/metrics.ts';

/** An observer of tokens that also knows the state of the key set. */
export interface TokenWatch extends TokenObserver {
  /** The state of the key set on this node. Undefined without `JWT_JWKS_URL`. */
  readonly keys: KeySetState | undefined;
}

/**
 * Makes the observer of one process.
 *
 * @param now Unix milliseconds.
 */
export function tokenObserver(
  { jwtJwksUrl }: Pick<Config, 'jwtJwksUrl'>,
  metrics: Metrics,
  log: Logger,
  now: () => number = Date.now,
): TokenWatch {
  // Only the host of the address: its path or query may be a secret.
  const host = jwtJwksUrl === undefined ? '' : new URL(jwtJwksUrl).host;
  let keys: KeySetState | undefined = jwtJwksUrl === undefined ? undefined : { host, fetchedAt: null, problem: null };
  return {
    get keys() {
      return keys;
    },
    refused(fault) {
      metrics.tokenRefused(fault);
      // The fault stands in the text, since repeated texts are held back. Otherwise many expired
      // tokens would hide a wrong `aud`.
      log.warn({ reason: fault }, `a token was refused: ${fault}`);
    },
    keySet(problem) {
      metrics.hot.jwksUp = problem === undefined ? 1 : 0;
      if (problem !== undefined) log.warn({ host, problem }, 'the key set of JWT_JWKS_URL cannot be fetched');
      else if (keys?.problem != null) log.info({ host }, 'the key set of JWT_JWKS_URL can be fetched again');
      keys = { host, fetchedAt: problem === undefined ? now() : (keys?.fetchedAt ?? null), problem: problem ?? null };
    },
  };
}
