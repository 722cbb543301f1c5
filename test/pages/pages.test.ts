import { rm } from 'node:fs/promises';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { allFaults } from '#test/support/axe.ts';
import { artifact } from '#test/support/browser.ts';
import { PAGES } from './page-list.ts';
import { PageWorld } from './page-world.ts';
import { pairwise } from './pairwise.ts';

const SIZES = { '360x740': { width: 360, height: 740 }, '1280x800': { width: 1280, height: 800 } } as const;
const FACTORS = { language: ['en', 'zh'], colour: ['light', 'dark'], size: ['360x740', '1280x800'] } as const;
const FOLDER = 'pages';

/** One line of the printed table for each view. */
const walked: Readonly<Record<string, string | number>>[] = [];
let world: PageWorld;

beforeAll(async () => {
  await rm(artifact(FOLDER), { recursive: true, force: true });
  world = await PageWorld.start();
});

afterAll(async () => {
  console.table(walked);
  await world?.stop();
});

describe.each(PAGES)('the page $name', ({ name, kinds, whole, open }) => {
  it.each(pairwise({ kind: kinds, ...FACTORS }))('$kind, $language, $colour, $size', async ({ kind, language, colour, size }) => {
    const faults = ['it did not open'];
    let page: Page | undefined;
    try {
      page = await open(world, { kind, language }, async (tab) => {
        await tab.setViewportSize(SIZES[size]);
        await tab.emulateMedia({ colorScheme: colour, reducedMotion: 'reduce' });
      });
      await page.screenshot({ path: artifact(`${FOLDER}/${name}-${kind}-${language}-${colour}-${size}.png`), fullPage: whole === true });
      faults.splice(0, 1, ...(await allFaults(page)), ...(await layoutFaults(page)), ...world.problems.splice(0));
    } finally {
      walked.push({ page: name, kind, language, colour, size, faults: faults.length });
      await page?.close();
    }
    expect(faults).toEqual([]);
  });
});

async function layoutFaults(page: Page): Promise<string[]> {
  const width = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  const inFrames = await Promise.all(
    page.frames().flatMap((frame) => [frame.evaluate(swallowedByEllipsis), frame.evaluate(tornFromTheirSentence)]),
  );
  return [...(width > 0 ? [`the page is ${width} px wider than the window`] : []), ...inFrames.flat()];
}

/**
 * Runs in a frame. An ellipsis shows nothing at all of a box in its line that does not fit, for
 * example of a name with its tag.
 */
function swallowedByEllipsis(): string[] {
  const isBox = (one: Element) => getComputedStyle(one).display.startsWith('inline-');
  return [...document.querySelectorAll('body *')]
    .filter((one) => getComputedStyle(one).textOverflow === 'ellipsis' && one.scrollWidth > one.clientWidth)
    .flatMap((one) => [...one.children].filter((child) => isBox(child)).map((child) => [one, child] as const))
    .filter(([one, child]) => child.getBoundingClientRect().right > one.getBoundingClientRect().right + 1)
    .map(([, child]) => `an ellipsis stands for all of ${child.outerHTML.slice(0, 200)}`);
}

/** Runs in a frame. The mark that ends a sentence stands in the line of the tag before it. */
function tornFromTheirSentence(): string[] {
  return [...document.querySelectorAll('[data-kind]')].flatMap((tag) => {
    const mark = tag.parentElement?.nextSibling ?? null;
    if (mark?.nodeType !== Node.TEXT_NODE || !/^[.?!。？！]/.test(mark.nodeValue ?? '')) return [];
    const range = document.createRange();
    range.setStart(mark, 0);
    range.setEnd(mark, 1);
    const isTorn = range.getBoundingClientRect().top >= tag.getBoundingClientRect().bottom;
    return isTorn ? [`${mark.nodeValue} begins a line, after ${tag.parentElement?.outerHTML.slice(0, 200)}`] : [];
  });
}
