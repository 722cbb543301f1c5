import type { Page } from 'playwright-core';

/** The browser's setting that `LARGE_TEXT` asks for, in pixels. The usual one is 16. */
const LARGE_TEXT_PX = 24;
/** A flag of Chromium: text is half as large again. */
export const LARGE_TEXT = `--blink-settings=defaultFontSize=${LARGE_TEXT_PX}`;
/** The smallest text of the pages, as a share of the setting. */
const SMALLEST = 11 / 16;

/**
 * Returns the texts that do not follow the browser's size of text: smaller than any text may be, cut
 * off by a box, covered by something else, or beside the window. A text that ends with an ellipsis
 * is not cut.
 */
export function textFaults(page: Page): Promise<string[]> {
  return page.evaluate(
    (smallest) => {
      const faults: string[] = [];
      for (const element of document.querySelectorAll('body *')) {
        const { fontSize, pointerEvents } = getComputedStyle(element);
        const { left, right, width, height } = element.getBoundingClientRect();
        const text = [...element.childNodes].find((node) => node.nodeType === Node.TEXT_NODE && node.textContent?.trim() !== '');
        const isSeen = element.checkVisibility({ visibilityProperty: true, opacityProperty: true });
        if (
          text === undefined ||
          !isSeen ||
          isForScreenReaders(element) ||
          element.closest('[data-fold="folded"]') !== null ||
          width <= 1 ||
          height <= 1
        )
          continue;
        const report = (fault: string) =>
          faults.push(`${fault}: ${element.tagName} ${element.className} ${text.textContent?.slice(0, 40)}`);
        if (Number.parseFloat(fontSize) < smallest) report(`${fontSize} is too small`);
        const range = document.createRange();
        range.selectNodeContents(text);
        const words = range.getBoundingClientRect();
        const frame = frameOf(element);
        if (left < -1 || Math.min(right, frame?.right ?? right) > innerWidth + 1) report('beside the window');
        if (frame?.cuts === true && (words.top < frame.top - 6 || words.bottom > frame.bottom + 6)) report('cut in its height');
        if (frame?.cuts === true && !frame.ellipsis && (words.left < frame.left - 2 || words.right > frame.right + 2))
          report('cut in its width');
        const middle = (words.top + words.bottom) / 2;
        if (pointerEvents === 'none' || isScrolledAway(element, middle)) continue;
        const end = Math.min(words.right, frame?.right ?? words.right);
        for (const x of [words.left + 2, (words.left + end) / 2, end - 2]) {
          const above = document.elementFromPoint(x, middle);
          const mayBe =
            above === null ||
            above.contains(element) ||
            element.contains(above) ||
            above.closest('label')?.contains(element) ||
            isClear(above, x, middle);
          if (!mayBe) report(`covered by ${above.tagName} ${above.className}`);
        }
      }
      return faults;

      /** Only its `::after` is here, and paints nothing: a button that makes its whole row pressable. */
      function isClear(above: Element, x: number, y: number): boolean {
        const { left, right, top, bottom } = above.getBoundingClientRect();
        const { content, backgroundColor, backgroundImage } = getComputedStyle(above, '::after');
        const isBeside = x < left || x > right || y < top || y > bottom;
        return isBeside && content === '""' && backgroundColor === 'rgba(0, 0, 0, 0)' && backgroundImage === 'none';
      }

      /** In a clipped box. */
      function isForScreenReaders(element: Element): boolean {
        const { clip, clipPath } = getComputedStyle(element);
        return clip !== 'auto' || clipPath !== 'none' || (element.parentElement !== null && isForScreenReaders(element.parentElement));
      }

      /** Above or below what a scroller shows. */
      function isScrolledAway(element: Element, y: number): boolean {
        const { top, bottom } = element.getBoundingClientRect();
        const isOutside = getComputedStyle(element).overflowY !== 'visible' && (y < top || y > bottom);
        return isOutside || (element.parentElement !== null && isScrolledAway(element.parentElement, y));
      }

      /** The nearest box that is not open on all sides. */
      function frameOf(element: Element) {
        for (let parent: Element | null = element; parent !== null; parent = parent.parentElement) {
          const { overflowX, overflowY, textOverflow } = getComputedStyle(parent);
          if (overflowX === 'visible' && overflowY === 'visible') continue;
          const { left, right, top, bottom } = parent.getBoundingClientRect();
          return { left, right, top, bottom, ellipsis: textOverflow === 'ellipsis', cuts: !/auto|scroll/.test(overflowX + overflowY) };
        }
        return undefined;
      }
    },
    SMALLEST * LARGE_TEXT_PX - 0.1,
  );
}
