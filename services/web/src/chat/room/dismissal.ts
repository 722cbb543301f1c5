import { type RefObject, useEffect } from 'react';
import { isComposing } from '../../ui/composing.ts';

/** What takes the focus itself if it is pressed. */
const CONTROL = 'a, button, input, select, textarea, label';
/** A dialog has its own Escape, and lies outside the panel in the document. */
const DIALOG = '[role="dialog"]';

/**
 * Closes a panel by Escape, and, where it lies over the page, by a press outside. Then its button
 * has the focus, unless the press was on another control.
 */
export function useDismissal(
  panel: RefObject<HTMLElement | null>,
  button: RefObject<HTMLElement | null>,
  onClose: () => void,
): { readonly close: () => void } {
  const close = () => {
    onClose();
    button.current?.focus();
  };
  useEffect(() => {
    const isOver = () => panel.current !== null && getComputedStyle(panel.current).position === 'absolute';
    const isIn = (target: EventTarget | null) => target instanceof Node && panel.current?.contains(target) === true;
    const onKey = (event: KeyboardEvent) => {
      if (event.key !== 'Escape' || isComposing(event) || document.querySelector(DIALOG) !== null) return;
      if (!isOver() && !isIn(event.target)) return;
      onClose();
      button.current?.focus();
    };
    const onPress = (event: MouseEvent) => {
      const { target } = event;
      if (!(target instanceof Element) || !isOver() || isIn(target) || target.closest(DIALOG) !== null) return;
      // The button closes it by itself.
      if (button.current?.contains(target) === true) return;
      onClose();
      if (target.closest(CONTROL) === null) button.current?.focus();
    };
    document.addEventListener('keydown', onKey);
    // Before anything else acts on the press: what was pressed may be gone afterwards.
    document.addEventListener('click', onPress, { capture: true });
    return () => {
      document.removeEventListener('keydown', onKey);
      document.removeEventListener('click', onPress, { capture: true });
    };
  }, [panel, button, onClose]);
  return { close };
}
