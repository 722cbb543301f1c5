import { useState } from 'react';
import { useText } from '../i18n/language.tsx';
import { Preferences } from '../ui/preferences.tsx';
import { renderPage } from '../ui/render-page.tsx';
import styles from './admin.module.css';
import { Charts } from './charts.tsx';
import { useFocusBack } from './confirm-dialog.tsx';
import { Agents, WaitingCustomers } from './desk.tsx';
import { useFormat } from './format.ts';
import { NodeDrawer } from './node-drawer.tsx';
import { KeySet, Nodes } from './nodes.tsx';
import { NoticeForm } from './notice-form.tsx';
import { OutLink, Panel } from './panel.tsx';
import { People } from './people.tsx';
import { PersonDrawer } from './person-drawer.tsx';
import { type OpenPlace, rowHrefOf, useAdminPlace } from './place.ts';
import { type HubSnapshot, useHubSnapshot } from './queries.ts';
import { QueueDrawer } from './queue-drawer.tsx';
import { RoomDrawer } from './room-drawer.tsx';
import { Queues, Rooms } from './tables.tsx';
import { isGone } from './verdict.ts';
import { VerdictBanner } from './verdict-banner.tsx';

/** The admin page (A13): whether the hub is healthy, and what can be done if it is not. */
export function AdminPage() {
  const text = useText('admin');
  const picture = useHubSnapshot();
  const place = useAdminPlace();
  const hub = picture.hub.value;
  return (
    <div className={styles['page']} data-stale={picture.hub.error !== undefined}>
      <header className={styles['head']}>
        <p className={styles['brand']}>
          {text.brand} <span className={styles['badge']}>{text.badge}</span>
        </p>
        {hub !== undefined && <span className={styles['version']}>{text.version(hub.version)}</span>}
        <nav className={styles['ways']}>
          {hub?.dashboardUrl != null && <OutLink href={hub.dashboardUrl}>{text.dashboards}</OutLink>}
          <Preferences />
        </nav>
      </header>
      <main className={styles['main']}>
        <VerdictBanner picture={picture} />
        <Tiles picture={picture} />
        <Nodes nodes={picture.nodes} />
        <Charts />
        <div className={styles['halves']}>
          <Rooms rooms={picture.rooms} />
          <Queues queues={picture.queues} board={hub?.board === true} />
          <WaitingCustomers />
          <Agents />
          <People online={picture.online} />
          {hub?.keySet != null && <KeySet state={hub.keySet} />}
          <Panel title={text.notice.title}>
            <NoticeForm online={hub?.online ?? undefined} />
          </Panel>
        </div>
      </main>
      {place.is !== 'overview' && <OpenRow place={place} picture={picture} />}
    </div>
  );
}

interface OpenRowProps {
  readonly place: OpenPlace;
  readonly picture: HubSnapshot;
}

/**
 * The row that the address names. At the end the focus goes back to where it was, or after a reload
 * to the button of that row, whatever was opened in between.
 */
function OpenRow({ place, picture }: OpenRowProps) {
  const [first] = useState(() => rowHrefOf(place));
  useFocusBack(first);
  switch (place.is) {
    case 'node':
      return <NodeDrawer key={place.id} id={place.id} nodes={picture.nodes} />;
    case 'room':
      return <RoomDrawer key={place.id} room={place.id} />;
    case 'person':
      return <PersonDrawer key={place.id} id={place.id} />;
    case 'queue':
      return <QueueDrawer key={place.id} queue={place.id} state={place.state} board={picture.hub.value?.board === true} />;
  }
}

/** The most important numbers of the hub. */
export function Tiles({ picture: { hub, nodes } }: { readonly picture: HubSnapshot }) {
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

await renderPage(<AdminPage />);
