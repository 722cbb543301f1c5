import { Fragment, type ReactNode } from 'react';

/** Characters that stand for the slots while a sentence is made: of private use, no words have them. */
const FIRST_SLOT = 0xe000;
const SLOT = /([\ue000-\uf8ff])/;

interface SentenceProps {
  /** Makes the sentence of what stands for each slot. */
  readonly template: (slots: readonly string[]) => string;
  readonly slots: readonly ReactNode[];
}

/** A sentence in the page's language that has people in it: the words around them cannot be mistaken for their names, nor the other way round. */
export function Sentence({ template, slots }: SentenceProps) {
  const pieces = template(slots.map((_, index) => String.fromCharCode(FIRST_SLOT + index))).split(SLOT);
  return pieces.map((piece, index) => {
    const content = SLOT.test(piece) ? slots[piece.charCodeAt(0) - FIRST_SLOT] : piece;
    // biome-ignore lint/suspicious/noArrayIndexKey: the pieces of one sentence keep their order
    return <Fragment key={index}>{content}</Fragment>;
  });
}
