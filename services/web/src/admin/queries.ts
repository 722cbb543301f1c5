/** What the page shows, asked for again and again. */
import { useCallback, useEffect, useRef, useState } from 'react';
import type { ReadPart } from '../list/paged-list.ts';
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
const EVERY_MS = 2000;

/** Milliseconds after which an answer is missed. */
const SLOW_MS = 5000;

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

/**
 * Asks at once, and then every two seconds while the page is visible; keep `ask` the same (`useCallback`) for as long as the question is. Undefined: nothing is
 * asked. The second value asks now.
 */
export function useRepeated<T>(ask: (() => Promise<T>) | undefined): readonly [Known<T>, () => Promise<void>] {
  const [known, setKnown] = useState<Known<T>>({ value: undefined, error: undefined });
  const latest = useRef(ask);
  const look = useCallback(async () => {
    await ask?.().then(
      (value) => {
        if (latest.current === ask) setKnown({ value, error: undefined });
      },
      (failure: unknown) => {
        const error = failure instanceof AdminError ? failure : new AdminError('INTERNAL', String(failure));
        if (latest.current === ask) setKnown((before) => ({ value: before.value, error }));
      },
    );
  }, [ask]);
  useEffect(() => {
    latest.current = ask;
    void look();
    const timer = setInterval(() => {
      if (!document.hidden) void look();
    }, EVERY_MS);
    return () => clearInterval(timer);
  }, [ask, look]);
  return [known, look];
}

interface Appended<Item> {
  readonly items: readonly Item[];
  /** Where the next page begins. */
  readonly next: string | undefined;
  /** A page was read. */
  readonly begun: boolean;
  readonly error: AdminError | undefined;
}

const NO_PAGES = { items: [], next: undefined, begun: false, error: undefined };

/** Pages that are read one after the other when they are asked for, and stay as they were. The second value reads one; `first`: where the first one begins. */
export function useAppended<Item>(read: ReadPart<Item>): readonly [Appended<Item>, (first?: string) => Promise<void>] {
  const [known, setKnown] = useState<Appended<Item>>(NO_PAGES);
  const load = async (first?: string): Promise<void> => {
    try {
      const { items, next } = await read(known.begun ? known.next : first);
      setKnown((before) => ({ items: [...before.items, ...items], next, begun: true, error: undefined }));
    } catch (failure) {
      const error = failure instanceof AdminError ? failure : new AdminError('INTERNAL', String(failure));
      setKnown((before) => ({ ...before, error }));
    }
  };
  return [known, load];
}
