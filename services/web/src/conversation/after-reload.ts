import type { OutboxEntry } from './outbox.ts';
import type { UnsentMessage } from './unsent-texts.ts';

/** Milliseconds for which the hub surely knows a message by its id: it promises 5 minutes (M2). */
const REPEATABLE_MS = 270_000;

/** A message after a reload. */
interface Repetition {
  readonly entry: OutboxEntry;
  /** Milliseconds for which it may be sent again. Undefined: for ever, the hub cannot have it. */
  readonly leftMs: number | undefined;
}

/**
 * A message goes on its way again, unless the hub may have it and has forgotten its id (M2). Then
 * the person decides. `now`: Unix milliseconds.
 */
export function afterReload({ tried, ...entry }: UnsentMessage, now: number): Repetition {
  const { id, text, at, state, code, messageId } = entry;
  if (state === 'failed' && code !== 'CLOSED') return { entry, leftMs: undefined };
  const leftMs = tried ? at + REPEATABLE_MS - now : undefined;
  if (leftMs !== undefined && leftMs <= 0)
    return { entry: { ...entry, state: 'failed', code: 'EXPIRED', canRetry: true }, leftMs: undefined };
  return { entry: { id, text, at, state: 'pending', ...(messageId !== undefined && { messageId }) }, leftMs };
}
