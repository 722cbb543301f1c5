import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { Page } from 'playwright-core';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

interface Violation {
  readonly id: string;
  readonly impact: string | null;
  readonly nodes: readonly { readonly html: string; readonly failureSummary?: string }[];
}

/**
 * Returns the serious and critical faults that axe-core finds in a page and its frames: one text
 * for each element, none if all is well.
 */
export function seriousFaults(page: Page): Promise<string[]> {
  return faultsOf(page, ({ impact }) => impact === 'serious' || impact === 'critical');
}

/** Returns all faults that axe-core finds in a page and its frames, as `seriousFaults` does. */
export function allFaults(page: Page): Promise<string[]> {
  return faultsOf(page, () => true);
}

async function faultsOf(page: Page, counts: (violation: Violation) => boolean): Promise<string[]> {
  const faults: string[] = [];
  for (const frame of page.frames()) {
    await frame.evaluate(AXE);
    const violations = (await frame.evaluate(
      'axe.run(document, { iframes: false }).then(({ violations }) => violations)',
    )) as readonly Violation[];
    for (const { id, nodes } of violations.filter(counts))
      faults.push(...nodes.map(({ html, failureSummary }) => `${id}: ${html.slice(0, 200)} ${failureSummary ?? ''}`));
  }
  return faults;
}
