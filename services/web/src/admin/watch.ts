/** What the page shows, asked for again and again. */
import { useEffect, useState } from 'react';

import { AdminError, adminApi, type Hub, type HubNode, type Online, type Queue, type RoomSize } from './admin-api.ts';

/** What is known of something: its last value, and why there is no newer one. */
export interface Known<T> {
  readonly value: T | undefined;
  readonly error: AdminError | undefined;
}

export interface Picture {
  readonly hub: Known<Hub>;
  readonly nodes: Known<readonly HubNode[]>;
  readonly rooms: Known<readonly RoomSize[]>;
  readonly queues: Known<Readonly<Record<string, Queue>>>;
  readonly online: Known<Online>;
  /** When the hub answered last, Unix milliseconds; undefined: not yet. */
  readonly at: number | undefined;
  /** The present look takes long. */
  readonly slow: boolean;
}

const NOTHING = { value: undefined, error: undefined };
const BLANK: Picture = { hub: NOTHING, nodes: NOTHING, rooms: NOTHING, queues: NOTHING, online: NOTHING, at: undefined, slow: false };

/** Milliseconds between an answer and the next question. */
export const EVERY_MS = 2000;
/** Milliseconds after which an answer is missed. */
const SLOW_MS = 5000;

/** Keeps the last value beside an error: what was is better than nothing. */
async function ask<T>(question: () => Promise<T>, before: Known<T>): Promise<Known<T>> {
  try {
    return { value: await question(), error: undefined };
  } catch (error) {
    return { value: before.value, error: error instanceof AdminError ? error : new AdminError('INTERNAL', String(error)) };
  }
}

async function look(before: Picture): Promise<Picture> {
  const [hub, nodes, rooms, queues, online] = await Promise.all([
    ask(adminApi.hub, before.hub),
    ask(adminApi.nodes, before.nodes),
    ask(adminApi.rooms, before.rooms),
    ask(adminApi.queues, before.queues),
    ask(adminApi.online, before.online),
  ]);
  return { hub, nodes, rooms, queues, online, at: hub.error === undefined ? Date.now() : before.at, slow: false };
}

/** Looks at once, then every two seconds while the page is visible; one look at a time. */
export function useWatch(): Picture {
  const [picture, setPicture] = useState(BLANK);
  useEffect(() => {
    let last = BLANK;
    let timer: number | undefined;
    let looking = false;
    let over = false;
    const next = async (): Promise<void> => {
      clearTimeout(timer);
      if (over || looking || document.hidden) return;
      looking = true;
      const waiting = window.setTimeout(() => setPicture({ ...last, slow: true }), SLOW_MS);
      last = await look(last);
      clearTimeout(waiting);
      looking = false;
      if (over) return;
      setPicture(last);
      timer = window.setTimeout(next, EVERY_MS);
    };
    const onVisible = (): void => void next();
    document.addEventListener('visibilitychange', onVisible);
    void next();
    return () => {
      over = true;
      clearTimeout(timer);
      document.removeEventListener('visibilitychange', onVisible);
    };
  }, []);
  return picture;
}
