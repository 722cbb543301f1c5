/** Hooks that read the admin API: again every two seconds, or page by page. */
import { useCallback, useEffect, useMemo, useRef, useState } from 'react';
import { type ListPart, PagedList, type ReadPart } from '../list/paged-list.ts';
import { AdminError, adminApi, type Hub, type HubNode, type Online, type Queue, type RoomSize } from './admin-api.ts';

/** The last value that was read, and why there is no newer one. */
export interface Query<T> {
  readonly value: T | undefined;
  readonly error: AdminError | undefined;
}

/** All numbers of the admin page. */
export interface HubSnapshot {
  readonly hub: Query<Hub>;
  readonly nodes: Query<readonly HubNode[]>;
  readonly rooms: Query<readonly RoomSize[]>;
  readonly queues: Query<Readonly<Record<string, Queue>>>;
  readonly online: Query<Online>;
  /** When the hub last answered, Unix milliseconds. Undefined: not yet. */
  readonly at: number | undefined;
  /** The running read takes longer than `SLOW_MS`. */
  readonly slow: boolean;
}

const NOTHING = { value: undefined, error: undefined };

const BLANK: HubSnapshot = { hub: NOTHING, nodes: NOTHING, rooms: NOTHING, queues: NOTHING, online: NOTHING, at: undefined, slow: false };

/** Milliseconds between an answer and the next read. */
const EVERY_MS = 2000;

/** Milliseconds after which a read counts as slow. */
const SLOW_MS = 5000;

/**
 * Reads all numbers at once, then every two seconds while the page is visible. One read runs at a
 * time.
 */
export function useHubSnapshot(): HubSnapshot {
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
      last = await readAll(last);
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

/** On an error, keeps the last value beside it. */
async function readOne<T>(question: () => Promise<T>, before: Query<T>): Promise<Query<T>> {
  try {
    return { value: await question(), error: undefined };
  } catch (error) {
    return { value: before.value, error: error instanceof AdminError ? error : new AdminError('INTERNAL', String(error)) };
  }
}

async function readAll(before: HubSnapshot): Promise<HubSnapshot> {
  const [hub, nodes, rooms, queues, online] = await Promise.all([
    readOne(adminApi.hub, before.hub),
    readOne(adminApi.nodes, before.nodes),
    readOne(adminApi.rooms, before.rooms),
    readOne(adminApi.queues, before.queues),
    readOne(adminApi.online, before.online),
  ]);
  return { hub, nodes, rooms, queues, online, at: hub.error === undefined ? Date.now() : before.at, slow: false };
}

/**
 * Reads at once, then every `everyMs` while the page is visible. If `ask` is undefined, reads
 * nothing. The caller keeps `ask` stable (`useCallback`) while it reads the same thing. The second
 * value reads now.
 */
export function usePolled<T>(ask: (() => Promise<T>) | undefined, everyMs: number = EVERY_MS): readonly [Query<T>, () => Promise<void>] {
  const [known, setKnown] = useState<Query<T>>({ value: undefined, error: undefined });
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
    }, everyMs);
    return () => clearInterval(timer);
  }, [ask, look, everyMs]);
  return [known, look];
}

/** One page of a list with a number that concerns all of it. */
export interface CountedPart<Item> extends ListPart<Item> {
  readonly extra: number;
}

interface PagedPoll<Item> {
  readonly query: Query<readonly Item[]>;
  readonly items: readonly Item[] | undefined;
  /** The number that came with the last page. */
  readonly extra: number | undefined;
  readonly more: boolean;
  /** Shows one page more. */
  readonly extend: () => Promise<void>;
}

/** Reads the pages that are shown again and again. The caller keeps `read` stable. */
export function usePagedPoll<Item>(read: (after: string | undefined) => Promise<CountedPart<Item>>): PagedPoll<Item> {
  const extra = useRef<number>(undefined);
  const list = useMemo(
    () =>
      new PagedList<Item>(async (after) => {
        const part = await read(after);
        extra.current = part.extra;
        return part;
      }),
    [read],
  );
  const ask = useCallback(async () => ({ items: await list.load(), extra: extra.current, more: list.more }), [list]);
  const [{ value, error }, look] = usePolled(ask);
  const extend = (): Promise<void> => {
    list.extend();
    return look();
  };
  return { query: { value: value?.items, error }, items: value?.items, extra: value?.extra, more: value?.more === true, extend };
}

interface Pages<Item> {
  readonly items: readonly Item[];
  /** Cursor of the next page. */
  readonly next: string | undefined;
  /** At least one page was read. */
  readonly started: boolean;
  readonly error: AdminError | undefined;
}

const NO_PAGES = { items: [], next: undefined, started: false, error: undefined };

/**
 * Reads pages one after another and keeps each as it was. The second value reads the next page.
 * `first`: the cursor of the first page.
 */
export function usePages<Item>(read: ReadPart<Item>): readonly [Pages<Item>, (first?: string) => Promise<void>] {
  const [known, setKnown] = useState<Pages<Item>>(NO_PAGES);
  const load = async (first?: string): Promise<void> => {
    try {
      const { items, next } = await read(known.started ? known.next : first);
      setKnown((before) => ({ items: [...before.items, ...items], next, started: true, error: undefined }));
    } catch (failure) {
      const error = failure instanceof AdminError ? failure : new AdminError('INTERNAL', String(failure));
      setKnown((before) => ({ ...before, error }));
    }
  };
  return [known, load];
}
