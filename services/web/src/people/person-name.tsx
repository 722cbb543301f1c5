import { Fragment, type ReactNode, useCallback, useEffect, useRef } from 'react';
import type { Person } from '#libs/client/index.ts';
import { useText } from '../i18n/language.tsx';
import type { Text } from '../i18n/languages.ts';
import classes from './person-name.module.css';

/**
 * A person's name and the tag of their kind. If the name is too long, it is cut and the tag stays.
 */
export function PersonName({ person: { name, kind } }: { readonly person: Pick<Person, 'name' | 'kind'> }) {
  if (kindTag(kind, useText('kinds')) === undefined) return <bdi title={name}>{name}</bdi>;
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

/** The tag of a person's kind. No name can imitate its box. People with an account have no tag. */
export function KindTag({ kind }: KindTagProps) {
  const word = kindTag(kind, useText('kinds'));
  if (word === undefined) return null;
  return (
    <span className={classes.tag} data-kind={kind}>
      {word}
    </span>
  );
}

/** The tags in one language. */
export type KindTags = Text<'kinds'>;

/** The tag of a kind. Undefined if it has none. */
function kindTag(kind: string | undefined, words: KindTags): string | undefined {
  return kind !== undefined && Object.hasOwn(words, kind) ? words[kind as keyof KindTags] : undefined;
}

/** Returns a function that gives the tags in the page's current language. For notifications. */
export function useLatestKinds(): () => KindTags {
  const kinds = useText('kinds');
  const latest = useRef(kinds);
  useEffect(() => {
    latest.current = kinds;
  }, [kinds]);
  return useCallback(() => latest.current, []);
}

/** The title of a notification: tag, name and, in a group, the room: `[guest] Bob · Walkers`. */
export function plainName({ name, kind }: Pick<Person, 'name' | 'kind'>, words: KindTags, room?: string): string {
  const word = kindTag(kind, words);
  return `${word === undefined ? '' : `[${word}] `}${bareName(name)}${room === undefined ? '' : ` · ${bareName(room)}`}`;
}

/** Replaces square brackets in a name: in plain text they mark the tag. */
function bareName(name: string): string {
  return name.replaceAll('[', '(').replaceAll(']', ')');
}

/** The first placeholder for a slot: a private-use character, which no text contains. */
const FIRST_SLOT = 0xe000;

const SLOT = /([\ue000-\uf8ff])/;

interface SentenceProps {
  /** Builds the sentence from its placeholders. */
  readonly template: (slots: readonly string[]) => string;
  readonly slots: readonly ReactNode[];
}

/**
 * A sentence of the page with elements in it. A name in a slot cannot be mistaken for text of the
 * page. Names and their tags flow with the words and are not cut.
 */
export function Sentence({ template, slots }: SentenceProps) {
  const pieces = template(slots.map((_, index) => String.fromCharCode(FIRST_SLOT + index))).split(SLOT);
  return (
    <span className={classes.sentence}>
      {pieces.map((piece, index) => {
        const content = SLOT.test(piece) ? slots[piece.charCodeAt(0) - FIRST_SLOT] : piece;
        // biome-ignore lint/suspicious/noArrayIndexKey: the pieces of one sentence keep their order
        return <Fragment key={index}>{content}</Fragment>;
      })}
    </span>
  );
}
