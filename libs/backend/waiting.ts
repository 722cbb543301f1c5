/** What a program does until its backends answered once: it waits, says so, and serves nobody. */
import { setTimeout as delay } from 'node:timers/promises';
import { ConfigError } from '#libs/config/config.ts';
import { HubError } from '#libs/protocol/errors.ts';
import type { Logger } from '#libs/telemetry/logger.ts';

/** Milliseconds between two tries, and between two lines. */
const TRY_MS = 250;
const LINE_MS = 5000;

/** Something that has to answer. */
export interface Awaited {
  /** For people: what it is, where, and the setting that says so. */
  readonly name: string;
  /** Rejects with `ConfigError` where waiting does not help, otherwise with why it does not answer yet. */
  readonly ask: () => Promise<unknown>;
}

/** Told what is waited for now; undefined: nothing any more. */
export type WaitingListener = (reason: string | undefined) => void;

/**
 * Resolves when all of these have answered. Until then a line every 5 s says what is missing, and why.
 * @throws ConfigError where one refuses.
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

/** The innermost cause says most. None of the libraries below puts a URL or a password there. */
function reasonOf(error: unknown): string {
  if (error instanceof HubError && error.cause !== undefined) return reasonOf(error.cause);
  if (error instanceof AggregateError) return [...new Set(error.errors.map(reasonOf))].join('; ');
  return error instanceof Error ? error.message : String(error);
}
