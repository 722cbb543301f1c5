import { Button } from '@mantine/core';
import { useEffect, useState } from 'react';
import type { ClientStatus, ParleyClient } from '#libs/client/index.ts';
import { useLanguage, useText } from '../i18n/language.tsx';
import styles from './connection.module.css';
import { type ConnectionNotice, noticeOf } from './connection-notice.ts';

/** The status of the connection to the hub. */
export function useStatus(client: ParleyClient): ClientStatus {
  const [status, setStatus] = useState(client.status);
  useEffect(() => {
    // The status may have changed before this effect ran.
    setStatus(client.status);
    return client.on('status', setStatus);
  }, [client]);
  return status;
}

/** Milliseconds. A connection that opens sooner is not mentioned. */
const QUIET_MS = 600;

/** Milliseconds for which the banner says that the connection is back. */
const GOOD_NEWS_MS = 2_000;

const TICK_MS = 250;

interface BannerProps {
  readonly status: ClientStatus;
  readonly onRetry: () => void;
  /** Called after a connection that ended for good. */
  readonly onStartOver: () => void;
}

/** Shows the status of the connection, unless all is well. */
export function Banner({ status, onRetry, onStartOver }: BannerProps) {
  const text = useText('app').connection;
  const notice = useNotice(status);
  const action = notice?.action;
  return (
    <>
      {/* Always mounted: a live region that is mounted together with its text is not read out. */}
      <span className={styles['unseen']} role="status">
        {notice?.text}
      </span>
      {notice !== undefined && (
        <div id="banner" className={styles['banner']} data-tone={notice.tone}>
          <p>
            <span id="banner-text" aria-hidden="true">
              {notice.text}
            </span>{' '}
            {notice.retryAt !== undefined && <Countdown until={notice.retryAt} />}
          </p>
          {action !== undefined && (
            <Button variant="default" size="compact-sm" className={styles['action']} onClick={action === 'retry' ? onRetry : onStartOver}>
              {text[action]}
            </Button>
          )}
        </div>
      )}
    </>
  );
}

/**
 * The present notice. Undefined while a first connection opens quickly. After trouble, says for a
 * moment that all is well.
 */
function useNotice(status: ClientStatus): ConnectionNotice | undefined {
  const app = useText('app');
  const { locale } = useLanguage();
  const present = noticeOf(status, app, locale);
  const [shown, setShown] = useState<'none' | 'trouble' | 'good'>('none');
  const { state } = status;
  useEffect(() => {
    if (state === 'connecting') {
      const timer = setTimeout(() => setShown('trouble'), QUIET_MS);
      return () => clearTimeout(timer);
    }
    if (state !== 'connected') {
      setShown('trouble');
      return undefined;
    }
    setShown((before) => (before === 'trouble' ? 'good' : before));
    const timer = setTimeout(() => setShown('none'), GOOD_NEWS_MS);
    return () => clearTimeout(timer);
  }, [state]);
  if (present === undefined) return shown === 'none' ? undefined : { tone: 'good', text: app.connection.connected };
  return shown === 'none' && state === 'connecting' ? undefined : present;
}

/**
 * Seconds until the next attempt. Hidden from screen readers, which would never stop reading it.
 */
function Countdown({ until }: { readonly until: number }) {
  const text = useText('app').connection;
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), TICK_MS);
    return () => clearInterval(timer);
  }, []);
  return (
    <span className={styles['clock']} aria-hidden="true">
      {text.again(Math.max(0, Math.ceil((until - now) / 1000)))}
    </span>
  );
}
