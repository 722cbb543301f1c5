import { type MessageSources, pageBefore } from '#libs/messages/message-page.ts';
import type { Retention } from '#libs/messages/room-access.ts';
import type { CheckedFrame } from '#libs/protocol/client-frame.ts';
import { HISTORY_LIMIT, PAGE_BYTES } from '#libs/protocol/limits.ts';
import { buildPage } from '#libs/protocol/server-frame.ts';

/** The answer to `history`. Rejects with `HubError` `UNAVAILABLE`. */
export async function historyPage(
  sources: MessageSources,
  { id, room, before = Number.POSITIVE_INFINITY, limit = HISTORY_LIMIT }: CheckedFrame & { readonly name: 'history' },
  retention: Retention,
): Promise<Buffer> {
  const { items, more } = await pageBefore(sources, { room, retention, before, limit, bytes: PAGE_BYTES });
  const [head, end] = buildPage('history', { id, room, more });
  return Buffer.concat([Buffer.from(head), items, Buffer.from(end)]);
}
