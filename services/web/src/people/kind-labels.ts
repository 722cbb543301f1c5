import { useCallback, useEffect, useRef } from 'react';

import type { Person } from '../../../../libs/client/index.ts';
import { useText } from '../i18n/language.tsx';
import type { Text } from '../i18n/languages.ts';

/** The words of the tags in one language. */
export type KindLabels = Text<'kinds'>;

/** The tag of somebody of this kind; undefined: none. */
export function kindLabel(kind: string | undefined, words: KindLabels): string | undefined {
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

/** A name for where plain text is all there is: without square brackets, which are the tag's. */
function bareName(name: string): string {
  return name.replaceAll('[', '(').replaceAll(']', ')');
}

/** Somebody, and in a room with a name of its own that, as the title of a notification: the tag first, `[guest] Bob`. */
export function plainName({ name, kind }: Pick<Person, 'name' | 'kind'>, words: KindLabels, room?: string): string {
  const word = kindLabel(kind, words);
  return `${word === undefined ? '' : `[${word}] `}${bareName(name)}${room === undefined ? '' : ` · ${bareName(room)}`}`;
}
