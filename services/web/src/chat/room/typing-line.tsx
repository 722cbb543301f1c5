import { useText } from '../../i18n/language.tsx';
import { PersonName } from '../../people/person-name.tsx';
import { Sentence } from '../../people/sentence.tsx';
import type { Talk } from '../state/talk.ts';
import { useObservable } from '../use-observable.ts';
import classes from './room.module.css';

/** Who is typing. Its place is kept free, so that nothing jumps. */
export function TypingLine({ talk }: { readonly talk: Talk }) {
  const text = useText('chat');
  const { people } = useObservable(talk.typists);
  return (
    <p className={classes.typing} data-typing={people.length}>
      {people.length > 0 && <Sentence say={text.isTyping} slots={people.map((person) => <PersonName key={person.id} person={person} />)} />}
    </p>
  );
}
