import { Fragment, type ReactNode, useCallback, useEffect, useRef } from 'react';
import type { Person } from '#libs/client/index.ts';
import { useText } from '../i18n/language.tsx';
import type { Text } from '../i18n/languages.ts';
import classes from './person-name.module.css';

/** What somebody is called, and behind it who they are. However long the name is, the tag stays in view. */
export function PersonName({ person: { name, kind } }: { readonly person: Pick<Person, 'name' | 'kind'> }) {
  if (kindLabel(kind, useText('kinds')) === undefined) return <bdi title={name}>{name}</bdi>;
  return (
    <span className={classes.person}>
      <bdi className={classes.name} title={name}>
        {name}
      </bdi>{' '}
      <KindTag kind={kind} />
    </span>
  );
}

interface KindTagProps {
  readonly kind: string | undefined;
}

/** Who somebody is by the word of the hub, in a box that no name can draw. One with an account has none. */
export function KindTag({ kind }: KindTagProps) {
  const word = kindLabel(kind, useText('kinds'));
  if (word === undefined) return null;
  return (
    <span className={classes.tag} data-kind={kind}>
      {word}
    </span>
  );
}

/** The words of the tags in one language. */
export type KindLabels = Text<'kinds'>;

/** The tag of somebody of this kind; undefined: none. */
function kindLabel(kind: string | undefined, words: KindLabels): string | undefined {
  return kind !== undefined && Object.hasOwn(words, kind) ? words[kind as keyof KindLabels] : undefined;
}

/** Gives the words of the tags in the language that the page has when it is called: for notifications. */
export function useLatestKinds(): () => KindLabels {
  const kinds = useText('kinds');
  const latest = useRef(kinds);
  useEffect(() => {
    latest.current = kinds;
  }, [kinds]);
  return useCallback(() => latest.current, []);
}

/** Somebody, and in a room with a name of its own that, as the title of a notification: the tag first, `[guest] Bob`. */
export function plainName({ name, kind }: Pick<Person, 'name' | 'kind'>, words: KindLabels, room?: string): string {
  const word = kindLabel(kind, words);
  return `${word === undefined ? '' : `[${word}] `}${bareName(name)}${room === undefined ? '' : ` · ${bareName(room)}`}`;
}

/** A name for where plain text is all there is: without square brackets, which are the tag's. */
function bareName(name: string): string {
  return name.replaceAll('[', '(').replaceAll(']', ')');
}

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
