import { useLanguage, useText } from '../i18n/language.tsx';
import styles from './agent.module.css';
import type { Details } from './workbench-view.ts';

/** Characters of a value that are shown. */
const VALUE_MAX = 200;

/** What the customer told of themselves, as text: none of it is to be trusted. */
export function CustomerFacts({ details: { channel, metadata = {}, createdAt } }: { readonly details: Details }) {
  const text = useText('agent');
  const { language } = useLanguage();
  const facts = [
    ...(channel === undefined ? [] : [[text.channel, channel]]),
    [text.since, new Date(createdAt).toLocaleString(language, { dateStyle: 'medium', timeStyle: 'short' })],
    ...Object.entries(metadata).map(([name, value]) => [name, typeof value === 'string' ? value : JSON.stringify(value)]),
  ];
  return (
    <details className={styles.facts}>
      <summary>{text.customer}</summary>
      <dl>
        {facts.map(([name, value = '']) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value.length > VALUE_MAX ? `${value.slice(0, VALUE_MAX)}…` : value}</dd>
          </div>
        ))}
      </dl>
    </details>
  );
}
