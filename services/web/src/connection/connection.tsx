import { Button } from '@mantine/core';
import { useEffect, useState } from 'react';
import type { ClientStatus, ParleyClient } from '#libs/client/index.ts';
import { useText } from '../i18n/language.tsx';
import styles from './connection.module.css';
import { type Notice, noticeOf } from './notice.ts';

/** How the client stands with the hub. */
export function useStatus(client: ParleyClient): ClientStatus {
  const [status, setStatus] = useState(client.status);
  useEffect(() => {
    // The status may have changed before this effect ran.
    setStatus(client.status);
    return client.on('status', setStatus);
  }, [client]);
  return status;
}

/** A connection that is made this quickly needs no words. */
const QUIET_MS = 600;

/** How long it says that the connection is there again. */
const GOOD_NEWS_MS = 2_000;

const TICK_MS = 250;

export interface BannerProps {
  readonly status: ClientStatus;
  readonly onRetry: () => void;
  /** Of a connection that ended for good. */
  readonly onStartOver: () => void;
}

/** Says what the connection does whenever it is not simply there. */
export function Banner({ status, onRetry, onStartOver }: BannerProps) {
  const text = useText('app').connection;
  const notice = useNotice(status);
  const action = notice?.action;
  return (
    <>
      {/* Always there: a live region that comes with its words is not read out. */}
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

/** What there is to say now: nothing of a first connection that is quick, and for a moment that a broken one is there again. */
function useNotice(status: ClientStatus): Notice | undefined {
  const text = useText('app').connection;
  const present = noticeOf(status, text);
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
  if (present === undefined) return shown === 'none' ? undefined : { tone: 'good', text: text.connected };
  return shown === 'none' && state === 'connecting' ? undefined : present;
}

/** The seconds left. Not read out: it would never stop. */
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
