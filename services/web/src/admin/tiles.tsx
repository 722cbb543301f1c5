import { useText } from '../i18n/language.tsx';
import styles from './admin.module.css';
import { useFormat } from './use-format.ts';
import { isGone } from './verdict.ts';
import type { Picture } from './watch.ts';

/** The few numbers that tell how much is going on. */
export function Tiles({ picture: { hub, nodes } }: { readonly picture: Picture }) {
  const text = useText('admin');
  const format = useFormat();
  const living = nodes.value?.filter(({ state }) => state !== 'lost');
  const sum = (of: 'connections' | 'messagesPerSecond') =>
    living === undefined ? text.unknown : format.number(living.reduce((total, node) => total + node[of], 0));
  const online = hub.value?.online ?? undefined;
  const serving = nodes.value?.filter(({ state }) => state === 'serving').length;
  const expected = nodes.value?.filter((node, _n, all) => !isGone(node, all)).length ?? 0;
  const old = nodes.error !== undefined;
  const tiles = [
    { key: 'online', value: online === undefined ? text.unknown : format.number(online), bad: false, stale: false },
    { key: 'connections', value: sum('connections'), bad: false, stale: old },
    { key: 'messages', value: sum('messagesPerSecond'), bad: false, stale: old },
    {
      key: 'gateways',
      value: serving === undefined ? text.unknown : `${format.number(serving)} / ${format.number(expected)}`,
      bad: serving === 0,
      stale: old,
    },
    { key: 'redis', value: hub.value === undefined ? text.unknown : text[hub.value.redis], bad: hub.value?.redis === 'down', stale: false },
    {
      key: 'database',
      value: hub.value === undefined ? text.unknown : text[hub.value.database],
      bad: hub.value?.database === 'down',
      stale: false,
    },
  ] as const;
  return (
    <dl className={styles['tiles']} aria-label={text.tiles.label}>
      {tiles.map(({ key, value, bad, stale }) => (
        <div key={key} className={styles['tile']} data-tile={key} data-bad={bad}>
          <dt>{text.tiles[key]}</dt>
          <dd data-stale={stale}>{value}</dd>
        </div>
      ))}
    </dl>
  );
}
