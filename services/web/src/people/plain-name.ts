import type { Person } from '#libs/client/index.ts';
import { type KindWords, kindWord } from './kind-words.ts';

/** A name for where plain text is all there is: without square brackets, which are the tag's. */
function bareName(name: string): string {
  return name.replaceAll('[', '(').replaceAll(']', ')');
}

/** Somebody, and in a room with a name of its own that, as the title of a notification: the tag first, `[guest] Bob`. */
export function plainName({ name, kind }: Pick<Person, 'name' | 'kind'>, words: KindWords, room?: string): string {
  const word = kindWord(kind, words);
  return `${word === undefined ? '' : `[${word}] `}${bareName(name)}${room === undefined ? '' : ` · ${bareName(room)}`}`;
}
