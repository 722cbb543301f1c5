/** Keeps the reader's place while lines are added above and below it. */
import { type RefObject, useCallback, useLayoutEffect, useRef, useState } from 'react';

/** Pixels from the end that still count as the end. */
const NEAR_END = 60;
/** Pixels between the top of the scroller and the line that the view goes to. */
const ABOVE_LINE = 12;

interface Anchor {
  readonly key: string;
  /** Pixels below the top of the scroller. */
  readonly top: number;
}

interface ScrollOptions {
  /** Where the view goes. Each object is obeyed once. */
  readonly aim: { readonly at: 'firstNew' | 'end' } | undefined;
  /** Whether the last line is the newest message. If not, the view does not follow it. */
  readonly attached: boolean;
  /** Called after each move. `seen`: the key of the last line in view. */
  readonly onPlace: (atEnd: boolean, seen: string | undefined) => void;
}

/** The scroller and its place. */
interface ScrollPlace {
  readonly ref: RefObject<HTMLDivElement | null>;
  /** The newest message is in view, so the list follows new lines. */
  readonly atEnd: boolean;
  readonly onScroll: () => void;
  readonly toEnd: () => void;
}

/**
 * For a scroller whose lines have `data-key`; the line above the first new one has `data-new-line`.
 * After each change of `content`: if the end was in view, it stays in view. Otherwise the first
 * line in view stays in place.
 */
export function useScrollPlace(content: unknown, { aim, attached, onPlace }: ScrollOptions): ScrollPlace {
  const ref = useRef<HTMLDivElement>(null);
  const anchor = useRef<Anchor>(undefined);
  const follow = useRef(true);
  const obeyed = useRef<ScrollOptions['aim']>(undefined);
  const [atEnd, setAtEnd] = useState(true);

  const measure = useCallback(() => {
    const scroller = ref.current;
    if (scroller === null) return;
    follow.current = attached && scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight < NEAR_END;
    anchor.current = firstInView(scroller);
    setAtEnd(follow.current);
    onPlace(follow.current, lastInView(scroller));
  }, [attached, onPlace]);

  const toEnd = useCallback(() => {
    const scroller = ref.current;
    if (scroller === null) return;
    scroller.scrollTop = scroller.scrollHeight;
    measure();
  }, [measure]);

  // biome-ignore lint/correctness/useExhaustiveDependencies: runs after each change of the content
  useLayoutEffect(() => {
    const scroller = ref.current;
    if (scroller === null) return;
    if (aim !== undefined && aim !== obeyed.current) {
      obeyed.current = aim;
      const line = scroller.querySelector('[data-new-line]');
      if (aim.at === 'firstNew' && line !== null) scroller.scrollTop += topIn(scroller, line) - ABOVE_LINE;
      else scroller.scrollTop = scroller.scrollHeight;
      measure();
      return;
    }
    if (follow.current && attached) scroller.scrollTop = scroller.scrollHeight;
    else if (anchor.current !== undefined) {
      const line = scroller.querySelector(`[data-key="${CSS.escape(anchor.current.key)}"]`);
      if (line !== null) scroller.scrollTop += topIn(scroller, line) - anchor.current.top;
    }
    anchor.current = firstInView(scroller);
  }, [content, aim, attached]);

  // The place is known from the start, and again if the list gets an end or loses it.
  useLayoutEffect(measure, [measure]);

  // The end stays in view if the keyboard of a phone opens or the window shrinks.
  useLayoutEffect(() => {
    const scroller = ref.current;
    if (scroller === null) return;
    const observer = new ResizeObserver(() => {
      if (follow.current) scroller.scrollTop = scroller.scrollHeight;
    });
    observer.observe(scroller);
    return () => observer.disconnect();
  }, []);

  return { ref, atEnd, onScroll: measure, toEnd };
}

function topIn(scroller: Element, line: Element): number {
  return line.getBoundingClientRect().top - scroller.getBoundingClientRect().top;
}

function firstInView(scroller: Element): Anchor | undefined {
  for (const line of scroller.querySelectorAll('[data-key]')) {
    const top = topIn(scroller, line);
    if (top + line.getBoundingClientRect().height > 0) return { key: line.getAttribute('data-key') ?? '', top };
  }
  return undefined;
}

/** The key of the last line whose end is in view. */
function lastInView(scroller: Element): string | undefined {
  const end = scroller.getBoundingClientRect().bottom + 1;
  const line = [...scroller.querySelectorAll('[data-key]')].findLast((one) => one.getBoundingClientRect().bottom <= end);
  return line?.getAttribute('data-key') ?? undefined;
}
