import { useState } from 'react';

import { useText } from '../i18n/language.tsx';
import { Preferences } from '../ui/preferences.tsx';
import styles from './admin.module.css';
import { KeySet } from './key-set.tsx';
import { Nodes } from './nodes.tsx';
import { NoticeForm } from './notice-form.tsx';
import { OutLink, Panel } from './panel.tsx';
import { People } from './people.tsx';
import { PersonDrawer } from './person-drawer.tsx';
import { Queues } from './queues.tsx';
import { Rooms } from './rooms.tsx';
import { Tiles } from './tiles.tsx';
import { VerdictBanner } from './verdict-banner.tsx';
import { useWatch } from './watch.ts';

/** The hub at a glance (A13): whether all is well, and what to do where it is not. */
export function AdminPage() {
  const text = useText('admin');
  const picture = useWatch();
  const [person, setPerson] = useState<string>();
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
        <div className={styles['halves']}>
          <Rooms rooms={picture.rooms} />
          <Queues queues={picture.queues} board={hub?.board === true} />
          <People online={picture.online} choose={setPerson} />
          {hub?.keySet != null && <KeySet state={hub.keySet} />}
          <Panel title={text.notice.title}>
            <NoticeForm online={hub?.online ?? undefined} />
          </Panel>
        </div>
      </main>
      {person !== undefined && <PersonDrawer key={person} id={person} close={() => setPerson(undefined)} />}
    </div>
  );
}
