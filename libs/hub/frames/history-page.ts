/** The pages of `history`: their limit for each user, and the answer. */
import { FrameAllowance, type FrameLimits } from '#libs/hub/limits/frame-budget.ts';
import type { Clock } from '#libs/hub/ports/clock.ts';
import type { HubStats } from '#libs/hub/ports/stats.ts';
import type { LocalUser } from '#libs/hub/sessions/local-user.ts';
import { type MessageSources, pageBefore } from '#libs/messages/message-page.ts';
import type { Retention } from '#libs/messages/room-access.ts';
import type { CheckedFrame } from '#libs/protocol/client-frame.ts';
import { HubError } from '#libs/protocol/errors.ts';
import { HISTORY_LIMIT, PAGE_BYTES } from '#libs/protocol/limits.ts';
import { buildPage } from '#libs/protocol/server-frame.ts';

/** How many pages of history a user may read. */
export interface HistoryLimit {
  readonly pageLimits: FrameLimits;
  readonly stats: HubStats;
  readonly clock: Pick<Clock, 'now' | 'steady'>;
}

/**
 * Takes one page from the user's budget.
 * @throws HubError `RATE_LIMITED` if it is empty.
 */
export function takePage({ pageLimits, stats, clock }: HistoryLimit, user: LocalUser): void {
  if (pageLimits.rate === 0) return;
  const now = clock.steady();
  const budget = user.pages(pageLimits, now);
  if (budget.take(pageLimits, now) === FrameAllowance.ok) return;
  stats.rateLimited('history');
  throw new HubError('RATE_LIMITED', 'You read too many pages of history (HISTORY_PAGES_PER_SECOND): wait.', {
    retryAfter: budget.retryAfter(pageLimits),
  });
}

/** Resolves to the answer to `history`. Rejects with `HubError` `UNAVAILABLE`. */
export async function historyPage(
  sources: MessageSources,
  { id, room, before = Number.POSITIVE_INFINITY, limit = HISTORY_LIMIT }: CheckedFrame & { readonly name: 'history' },
  retention: Retention,
): Promise<Buffer> {
  const { items, more } = await pageBefore(sources, { room, retention, before, limit, bytes: PAGE_BYTES });
  const [head, end] = buildPage('history', { id, room, more });
  return Buffer.concat([Buffer.from(head), items, Buffer.from(end)]);
}
