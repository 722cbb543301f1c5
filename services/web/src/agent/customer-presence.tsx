import { useText } from '../i18n/language.tsx';
import styles from './agent.module.css';

/** A dot that says whether the customer is online. Nothing if that is not known. */
export function CustomerPresence({ online }: { readonly online: boolean | undefined }) {
  const text = useText('agent');
  if (online === undefined) return null;
  const label = online ? text.customerOnline : text.customerAway;
  return <span className={styles.presence} data-online={online} role="img" aria-label={label} title={label} />;
}
