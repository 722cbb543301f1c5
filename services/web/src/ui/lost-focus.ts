import { useEffect, useRef } from 'react';

/** The element that had the focus last. */
let last: Element | undefined;
document.addEventListener('focusin', ({ target }) => {
  last = target instanceof Element ? target : undefined;
});

/** Whether the control that had the focus is gone, or disabled. In another document it may well be. */
function isLost(): boolean {
  const isNowhere = document.activeElement === null || document.activeElement === document.body;
  return isNowhere && last !== undefined && (!last.isConnected || last.matches(':disabled'));
}

/** The messages in view: a press on them does nothing. */
const messages = () => document.querySelector<HTMLElement>('[data-messages]');

/**
 * Keeps the focus on the page. If it is lost after `state` changed, because the control that had it
 * is gone, the element that `taker` finds takes it: by default the messages.
 */
export function useLostFocus(state: unknown, taker: () => HTMLElement | null | undefined = messages): void {
  const before = useRef(state);
  useEffect(() => {
    if (before.current === state) return;
    before.current = state;
    if (isLost()) taker()?.focus({ preventScroll: true });
  });
}
