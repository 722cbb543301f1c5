/** Waits at start until the backends answer. The program logs while it waits and serves nobody. */
import { setTimeout as delay } from 'node:timers/promises';
import { ConfigError } from '#libs/config/config.ts';
import { HubError } from '#libs/protocol/errors.ts';
import type { Logger } from '#libs/telemetry/logger.ts';

/** Milliseconds between two attempts, and between two log lines. */
const TRY_MS = 250;
const LINE_MS = 5000;

/** A backend that must answer before the program serves. */
export interface Awaited {
  /** Its kind, its address and the setting that names it, for people. */
  readonly name: string;
  /**
   * Asks it. Rejects with `ConfigError` if waiting does not help, otherwise with the reason why it
   * does not answer yet.
   */
  readonly ask: () => Promise<unknown>;
}

/** Called with the reason of the wait; with undefined when the wait is over. */
export type WaitingListener = (reason: string | undefined) => void;

/**
 * Resolves when all of them have answered. Until then it logs every 5 s which are missing, and why.
 *
 * @throws ConfigError if one refuses.
 */
export async function answered(all: readonly Awaited[], log: Logger, tell: WaitingListener = () => undefined): Promise<void> {
  const missing = new Map<Awaited, string>(all.map((one) => [one, 'not asked yet']));
  const reason = (): string => [...missing].map(([{ name }, why]) => `${name}: ${why}`).join('; ');
  const say = (): void => log.warn(`waiting for ${reason()}`);
  const lines = setInterval(say, LINE_MS);
  let refused = false;
  try {
    tell(reason());
    await Promise.all(
      all.map(async (one) => {
        for (let first = true; !refused; first = false) {
          try {
            await one.ask();
            missing.delete(one);
            return;
          } catch (error) {
            if (error instanceof ConfigError) throw error;
            missing.set(one, reasonOf(error));
            tell(reason());
            if (first) say();
          }
          await delay(TRY_MS);
        }
      }),
    );
    tell(undefined);
  } finally {
    refused = true;
    clearInterval(lines);
  }
}

/** Returns the innermost cause: it says most. No library puts a URL or a password there. */
function reasonOf(error: unknown): string {
  if (error instanceof HubError && error.cause !== undefined) return reasonOf(error.cause);
  if (error instanceof AggregateError) return [...new Set(error.errors.map(reasonOf))].join('; ');
  return error instanceof Error ? error.message : String(error);
}
