import { type FocusEvent, useId, useLayoutEffect, useRef, useState } from 'react';
import { useText } from '../i18n/language.tsx';
import classes from './conversation.module.css';
import { LinkedText } from './linked-text.tsx';

/** Lines of a text that are shown before it folds. The style sheet has the number, too. */
const FOLD_LINES = 12;
/** Shorter texts never fill so many lines, not even on a phone with large text. */
const SHORT_CHARS = 130;

interface FoldedTextProps {
  readonly text: string;
  /** The message has another height now, because the person folded or unfolded it. */
  readonly onFold: () => void;
}

/**
 * The text of a message. Shows the first 12 lines of a longer one, and a button for the rest. Only
 * the eye is spared the rest: it stays in the document, and a screen reader reads it.
 */
export function FoldedText({ text, onFold }: FoldedTextProps) {
  const mayFold = text.length > SHORT_CHARS || text.split('\n', FOLD_LINES + 1).length > FOLD_LINES;
  if (mayFold) return <LongText text={text} onFold={onFold} />;
  return (
    <span className={classes.text} dir="auto" data-text>
      <LinkedText text={text} />
    </span>
  );
}

function LongText({ text, onFold }: FoldedTextProps) {
  const words = useText('conversation');
  const [open, setOpen] = useState(false);
  const box = useRef<HTMLSpanElement>(null);
  const button = useRef<HTMLButtonElement>(null);
  const folding = useRef(false);
  const id = useId();

  // Not React but the size of the box says whether there is a button. It has to be there before the
  // list looks for its end.
  useLayoutEffect(() => {
    const measure = () => {
      const folded = box.current;
      if (folded !== null && button.current !== null && !open) button.current.hidden = folded.scrollHeight <= folded.clientHeight + 1;
    };
    measure();
    const observer = new ResizeObserver(measure);
    if (box.current !== null) observer.observe(box.current);
    return () => observer.disconnect();
  }, [open]);

  // biome-ignore lint/correctness/useExhaustiveDependencies: runs after each fold
  useLayoutEffect(() => {
    if (!folding.current) return;
    folding.current = false;
    if (!open) {
      box.current?.scrollTo(0, 0);
      button.current?.scrollIntoView({ block: 'nearest' });
    } else if (box.current?.contains(document.activeElement)) document.activeElement?.scrollIntoView({ block: 'nearest' });
    onFold();
  }, [open]);

  const set = (next: boolean) => {
    folding.current = true;
    setOpen(next);
  };
  /** A link of the folded part has the focus by keyboard: it must be seen. */
  const onFocus = (event: FocusEvent) => {
    if (!open && event.target.matches(':focus-visible')) set(true);
  };
  return (
    <>
      {/* biome-ignore lint/a11y/noStaticElementInteractions: the links in it take the focus */}
      <span ref={box} id={id} className={classes.text} data-fold={open ? 'open' : 'folded'} dir="auto" data-text onFocus={onFocus}>
        <LinkedText text={text} />
      </span>
      <button ref={button} type="button" className={classes.fold} aria-expanded={open} aria-controls={id} onClick={() => set(!open)}>
        {open ? words.showLess : words.showMore}
      </button>
    </>
  );
}
