import { rm } from 'node:fs/promises';
import type { Frame, Page } from 'playwright-core';

import { artifact } from '#test/support/browser.ts';

/** The most that one change may move what is in view (Layout Instability API): good pages stay below 0.1 a visit. */
const SHIFT_MAX = 0.1;

interface Shift {
  readonly value: number;
  readonly moved: string;
}

interface Step {
  readonly step: string;
  readonly ms: number;
  readonly limit: number | '';
}

/**
 * One walk through the pages. Times each step, keeps a screenshot of every tab after it, and collects
 * faults that a person would see.
 */
export class Walk {
  readonly #name: string;
  readonly #steps: Step[] = [];
  readonly #tabs = new Map<string, Page>();
  readonly #looks: (() => Promise<readonly string[]>)[] = [];
  /** The tabs in which something has the focus. */
  readonly #focused = new Set<string>();
  /** Errors of the pages, jumps of the layout, a focus that is lost, steps that took too long. */
  readonly faults: string[] = [];

  private constructor(name: string) {
    this.#name = name;
  }

  static async begin(name: string): Promise<Walk> {
    await rm(artifact(`walk/${name}`), { recursive: true, force: true });
    return new Walk(name);
  }

  /** From now on, each step takes a screenshot of this tab. `watchShifts` has to run before it opens a page. */
  shows(who: string, tab: Page): void {
    this.#tabs.set(who, tab);
  }

  async step<T>(step: string, work: () => Promise<T>): Promise<T> {
    const began = performance.now();
    const result = await work();
    await this.timed(step, performance.now() - began);
    return result;
  }

  /** A step that took so many milliseconds. `limit`: the most that it may take. */
  async timed(step: string, took: number, limit?: number): Promise<void> {
    const ms = Math.round(took);
    this.#steps.push({ step, ms, limit: limit ?? '' });
    if (limit !== undefined && !(ms <= limit)) this.faults.push(`${step}: ${ms} ms, not ${limit}`);
    const at = String(this.#steps.length).padStart(2, '0');
    for (const [who, tab] of this.#tabs) {
      if (await hasFocus(tab)) this.#focused.add(who);
      else if (this.#focused.delete(who)) this.faults.push(`${step}: ${who} lost the focus`);
      await tab.screenshot({ path: artifact(`walk/${this.#name}/${at}-${step.replaceAll(/[^\p{L}\d]+/gu, '-')}-${who}.png`) });
      for (const { value, moved } of await takeShifts(tab))
        if (value > SHIFT_MAX) this.faults.push(`${step}: the layout of ${who} jumped by ${value.toFixed(3)}: ${moved}`);
    }
    for (const look of this.#looks) this.faults.push(...(await look()).map((fault) => `${step}: ${fault}`));
  }

  /** After each step, what `look` returns is a fault. */
  looksAt(look: () => Promise<readonly string[]>): void {
    this.#looks.push(look);
  }

  /** A tab begins anew: nothing has the focus. */
  restarts(who: string): void {
    this.#focused.delete(who);
  }

  /** Prints the times. */
  end(): void {
    console.log(`The walk ${this.#name}:`);
    console.table(this.#steps);
  }
}

/** Lets a page and its frames remember what jumps, from their first paint on. */
export async function watchShifts(page: Page): Promise<void> {
  await page.addInitScript(() => {
    const shifts: Shift[] = [];
    Object.assign(globalThis, { shifts });
    new PerformanceObserver((list) => {
      for (const entry of list.getEntries() as (PerformanceEntry & LayoutShift)[]) {
        if (entry.hadRecentInput) continue;
        const moved = entry.sources.map(({ node, previousRect, currentRect }) => {
          const element = node instanceof Element ? node : node?.parentElement;
          return `${element?.outerHTML.slice(0, 80)} from ${previousRect.y} to ${currentRect.y}`;
        });
        shifts.push({ value: entry.value, moved: moved.join(', ') });
      }
    }).observe({ type: 'layout-shift', buffered: true });
  });
}

/** The part of the Layout Instability API that the types of the DOM lack. */
interface LayoutShift {
  readonly value: number;
  readonly hadRecentInput: boolean;
  readonly sources: readonly { readonly node?: Node; readonly previousRect: DOMRectReadOnly; readonly currentRect: DOMRectReadOnly }[];
}

/** Whether an element of the page or of one of its frames has the focus. */
async function hasFocus(page: Page): Promise<boolean> {
  const ofFrame = (frame: Frame) => frame.evaluate(() => document.activeElement?.matches('body, iframe, parley-widget') === false);
  return (await Promise.all(page.frames().map(ofFrame))).includes(true);
}

async function takeShifts(page: Page): Promise<Shift[]> {
  const ofFrame = (frame: Frame) => frame.evaluate(() => (Reflect.get(globalThis, 'shifts') as Shift[] | undefined)?.splice(0) ?? []);
  return (await Promise.all(page.frames().map(ofFrame))).flat();
}
