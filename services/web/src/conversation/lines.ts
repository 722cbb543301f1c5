/** Turns a thread into the lines that the list shows. */
import type { Person } from '#libs/client/index.ts';
import type { OutboxEntry } from './outbox.ts';
import type { TimelineItem } from './timeline.ts';

/** A message in the list. */
export interface MessageLine {
  readonly kind: 'message';
  readonly key: string;
  readonly from: Person;
  readonly text: string;
  /** Unix milliseconds. */
  readonly at: number;
  readonly mine: boolean;
  /**
   * The line before is of the same person and less than five minutes older: name and picture are
   * left out.
   */
  readonly together: boolean;
  /** `stored`: the hub has acknowledged it. */
  readonly state: 'stored' | 'pending' | 'failed';
  /** Undefined if it is stored. */
  readonly entry: OutboxEntry | undefined;
}

/** A line of the list. */
export type Line =
  | MessageLine
  | { readonly kind: 'day'; readonly key: string; readonly at: number }
  | { readonly kind: 'gap'; readonly key: string }
  | { readonly kind: 'ended'; readonly key: string; readonly at: number }
  | { readonly kind: 'new'; readonly key: string };

/** Milliseconds between two lines that share a name and picture. */
const TOGETHER_MS = 300_000;

/** What the lines are made of. */
interface LinesOptions {
  readonly items: readonly TimelineItem[];
  readonly outbox: readonly OutboxEntry[];
  readonly me: Person;
  /** Id of the first message that was new when the room was opened. */
  readonly firstNew: string | undefined;
}

/** Puts a day above the first line of each day. Own messages without an offset come last. */
export function toLines({ items, outbox, me, firstNew }: LinesOptions): Line[] {
  const lines: Line[] = [];
  const ownById = new Map(outbox.flatMap((entry) => (entry.messageId === undefined ? [] : [[entry.messageId, entry] as const])));
  const push = (line: Omit<MessageLine, 'kind' | 'together'>): void => {
    const before = lastMessage(lines);
    if (before === undefined || dayOf(before.at) !== dayOf(line.at)) lines.push({ kind: 'day', key: `day-${line.key}`, at: line.at });
    if (line.key === firstNew) lines.push({ kind: 'new', key: 'new' });
    const last = lines.at(-1);
    const together = last?.kind === 'message' && isSame(last.from, line.from) && line.at - last.at < TOGETHER_MS;
    lines.push({ kind: 'message', together, ...line });
  };
  for (const item of items) {
    if (item.kind === 'gap') {
      lines.push({ kind: 'gap', key: item.id });
      continue;
    }
    if (item.kind === 'ended') {
      lines.push({ kind: 'ended', key: item.id, at: item.at });
      continue;
    }
    const { id, from, text, at } = item.message;
    const entry = ownById.get(id);
    push({ key: id, from, text, at, mine: from.id === me.id, state: entry?.state ?? 'stored', entry });
  }
  for (const entry of outbox) {
    if (entry.messageId !== undefined && items.some(({ id }) => id === entry.messageId)) continue;
    push({ key: entry.id, from: me, text: entry.text, at: entry.at, mine: true, state: entry.state, entry });
  }
  return lines;
}

function lastMessage(lines: readonly Line[]): MessageLine | undefined {
  return lines.findLast((line) => line.kind === 'message');
}

/** A service may use one id for several names (A11). */
function isSame(one: Person, other: Person): boolean {
  return one.id === other.id && one.name === other.name && one.kind === other.kind;
}

function dayOf(at: number): string {
  return new Date(at).toDateString();
}
