import type { Page } from 'playwright-core';

/** Bytes over the line, headers included. */
export interface FirstBytes {
  /** The page, and what its first paint waits for. */
  readonly paint: number;
  /** All that was asked for before the chat, which the entry asks for once it is in view. */
  readonly entry: number;
}

/** Counts the bytes of the entry, of which nothing was cached. Waits until it has asked for the chat. */
export async function firstBytes(page: Page): Promise<FirstBytes> {
  const bytes = await page.waitForFunction(() => {
    const [page] = performance.getEntriesByType('navigation') as PerformanceNavigationTiming[];
    const files = performance.getEntriesByType('resource') as (PerformanceResourceTiming & { readonly renderBlockingStatus: string })[];
    const chat = files.find(({ name }) => name.includes('/chat-page-'));
    if (page === undefined || chat === undefined) return undefined;
    const sum = (some: readonly PerformanceResourceTiming[]) => some.reduce((all, file) => all + file.transferSize, page.transferSize);
    return {
      paint: sum(files.filter((file) => file.renderBlockingStatus === 'blocking')),
      entry: sum(files.filter((file) => file.startTime < chat.startTime)),
    };
  });
  return (await bytes.jsonValue()) as FirstBytes;
}
