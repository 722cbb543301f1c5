import type { EdgePage, PresenceEdge, PresenceEdges, Subject } from '#libs/presence/presence-edges.ts';
import { type ObservedEvent, observedEvent } from './events.ts';

export interface ObservedShardOptions {
  readonly edges: PresenceEdges;
  readonly shard: number;
  /** The id of this observer among all, never used before. */
  readonly holder: string;
  /** Works through events, in this order. Rejects if they have to come again. */
  readonly handle: (events: readonly ObservedEvent[]) => Promise<void>;
  /** Milliseconds of a steady clock. */
  readonly clock: () => number;
  /** As in `ObservedFeedOptions`. */
  readonly pace: ObservedPace;
}

/** Milliseconds. */
export interface ObservedPace {
  /**
   * A subject that is back within this time has not gone: a page that is loaded again, a phone that
   * changes networks.
   */
  readonly graceMs: number;
  /** Between two comparisons of all that was reported with presence. */
  readonly reconcileMs: number;
  /**
   * For which nobody is taken for gone after edges were lost: nodes put their users back, or are
   * found dead (P3).
   */
  readonly settleMs: number;
  /** For which an observer that died keeps its shards. */
  readonly holdMs: number;
}

/** Edges in one read, events in one call of `handle`, subjects in one call of the backend. */
const PAGE = 500;

/**
 * Milliseconds between two looks at a shard that another observer holds: it may give it back before
 * its time.
 */
const BUSY_MS = 1000;

/** A subject that went and may come back. */
interface Leaving {
  /** Unix milliseconds by the backend's clock. */
  readonly at: number;
  /** When it counts as gone, by the steady clock. */
  readonly due: number;
  /** The position before its edge. Undefined: it was missing in a comparison. */
  readonly before: string | undefined;
}

/**
 * The knowledge of one observer about one shard of presence, while it holds the shard.
 *
 * The set of subjects reported as present decides about every event: `online` only for a subject
 * that is not in it, `offline` only for one that is. So events of a subject alternate, whatever
 * comes twice or is lost.
 *
 * Worked example, with a grace of 3 s. Edges of ann: online at 0 s, offline at 10 s, online at 12
 * s, offline at 20 s. Events: `online` at once, then `offline` at 23 s with the time 20 s. The
 * position stays before the edge of 20 s until then: if the observer dies at 21 s, its successor
 * reads that edge again.
 */
export class ObservedShard {
  readonly #options: ObservedShardOptions;
  readonly #present = new Set<Subject>();
  readonly #leaving = new Map<Subject, Leaving>();
  /** Events that are not handled yet. */
  #events: ObservedEvent[] = [];
  /** Subjects whose record in the backend is behind. */
  readonly #unrecorded = new Set<Subject>();
  /** Of the last edge that was read. Undefined: this observer does not hold the shard. */
  #position: string | undefined;
  #recorded: string | undefined;
  /** When the last read began, and the backend's time in its reply. */
  #heldAt = Number.NEGATIVE_INFINITY;
  #readNow = 0;
  #busyUntil = Number.NEGATIVE_INFINITY;
  #reconcileAt = 0;
  /** Rises each time that edges were lost. */
  #losses = 0;
  /** The backend may have lost the record of reports. */
  #isRecordLost = false;

  constructor(options: ObservedShardOptions) {
    this.#options = options;
  }

  /**
   * Reads and reports what there is now, and compares if it is time. Rejects if the backend is
   * away, or `handle` did.
   */
  async turn(): Promise<void> {
    const { clock } = this.#options;
    if (clock() < this.#busyUntil) return;
    await this.#report();
    await this.#catchUp();
    if (this.#position !== undefined && clock() >= this.#reconcileAt) await this.#reconcile();
  }

  /** Gives the shard to the next observer. */
  async release(): Promise<void> {
    if (this.#position === undefined) return;
    const { edges, shard, holder } = this.#options;
    this.#forget();
    await edges.record(shard, holder, { came: [], went: [], release: true });
  }

  async #catchUp(): Promise<void> {
    for (let more = true; more; ) {
      more = await this.#read();
      await this.#report();
    }
  }

  /** Resolves with whether there are more edges. @param limit 0 only renews the hold. */
  async #read(limit = PAGE): Promise<boolean> {
    const { edges, shard, holder, clock, pace } = this.#options;
    const startedAt = clock();
    const page = await edges.read(shard, { holder, holdMs: pace.holdMs, after: this.#position, limit });
    if (page.state === 'busy') {
      this.#forget();
      this.#busyUntil = startedAt + Math.min(page.forMs, BUSY_MS);
      return false;
    }
    if (this.#position !== undefined && page.heldBefore === 'other' && startedAt - this.#heldAt > pace.holdMs) {
      // This process froze, and another one observed meanwhile: its record counts.
      this.#forget();
      return true;
    }
    this.#heldAt = startedAt;
    this.#readNow = page.now;
    const isNew = this.#position === undefined;
    if (isNew) for await (const subjects of edges.recorded(shard)) for (const subject of subjects) this.#present.add(subject);
    if (isNew || !page.isWhole) this.#distrust(startedAt);
    if (!isNew && !page.isWhole) this.#isRecordLost = true;
    this.#apply(page);
    return page.more;
  }

  /** Edges may be missing: a comparison finds out. */
  #distrust(now: number): void {
    this.#losses += 1;
    this.#leaving.clear();
    this.#reconcileAt = this.#present.size === 0 ? now : now + this.#options.pace.settleMs;
  }

  #apply(page: EdgePage): void {
    this.#position = page.from;
    for (const edge of page.edges) {
      if (edge.isPresent) this.#came(edge);
      else this.#went(edge.subject, edge.at, page.now, this.#position);
      this.#position = edge.id;
    }
    // If there are more edges, some who went may be back in them.
    if (page.more) return;
    const now = this.#options.clock();
    for (const [subject, { at, due }] of this.#leaving) if (due <= now) this.#isGone(subject, at);
  }

  #came({ subject, at }: Pick<PresenceEdge, 'subject' | 'at'>): void {
    const leaving = this.#leaving.get(subject);
    if (leaving !== undefined && at - leaving.at >= this.#options.pace.graceMs) this.#isGone(subject, leaving.at);
    this.#leaving.delete(subject);
    if (this.#present.has(subject)) return;
    this.#present.add(subject);
    this.#happened(subject, true, at);
  }

  /** @param now Unix milliseconds by the clock that gave `at`. */
  #went(subject: Subject, at: number, now: number, before: string | undefined): void {
    if (!this.#present.has(subject) || this.#leaving.has(subject)) return;
    const { clock, pace } = this.#options;
    // The backend's clock may jump; the grace does not.
    const left = Math.min(Math.max(at + pace.graceMs - now, 0), pace.graceMs);
    this.#leaving.set(subject, { at, due: clock() + left, before });
  }

  #isGone(subject: Subject, at: number): void {
    this.#leaving.delete(subject);
    this.#present.delete(subject);
    this.#happened(subject, false, at);
  }

  #happened(subject: Subject, isPresent: boolean, at: number): void {
    this.#unrecorded.add(subject);
    this.#events.push(observedEvent(subject, isPresent, at));
  }

  /**
   * Hands over the events that wait, then records them. A record that fails is made with the next
   * one. Events that wait while another observer takes the shard are its to report.
   */
  async #report(): Promise<void> {
    while (this.#events.length > 0) {
      if (this.#isHoldOld) await this.#read(0);
      const some = this.#events.slice(0, PAGE);
      if (some.length === 0) break;
      await this.#options.handle(some);
      this.#events = this.#events.slice(PAGE);
    }
    await this.#record();
  }

  async #record(): Promise<void> {
    const { edges, shard, holder } = this.#options;
    const position = this.#safePosition();
    while (this.#position !== undefined && (this.#unrecorded.size > 0 || this.#recorded !== position)) {
      const some = [...this.#unrecorded].slice(0, PAGE);
      const isLast = some.length === this.#unrecorded.size;
      const came = some.filter((subject) => this.#present.has(subject));
      const went = some.filter((subject) => !this.#present.has(subject));
      if (!(await edges.record(shard, holder, { came, went, position: isLast ? position : undefined }))) {
        this.#forget();
        return;
      }
      for (const subject of some) this.#unrecorded.delete(subject);
      if (isLast) this.#recorded = position;
    }
  }

  /**
   * The position from which a successor finds everything that is not reported: before the edge of
   * the first one who is leaving.
   */
  #safePosition(): string | undefined {
    for (const { before } of this.#leaving.values()) if (before !== undefined) return before;
    return this.#position;
  }

  /**
   * Compares what was reported with presence, page by page. Who is present and was not reported
   * came. Who was reported and is absent went now, and has the grace to come back. Edges that are
   * not read yet change nothing about either.
   */
  async #reconcile(): Promise<void> {
    const { edges, shard, clock, pace } = this.#options;
    const losses = this.#losses;
    for await (const subjects of edges.present(shard)) {
      for (const subject of subjects) if (!this.#present.has(subject)) this.#came({ subject, at: this.#now() });
      await this.#report();
      if (!(await this.#goesOn(losses))) return;
    }
    const all = [...this.#present];
    for (let from = 0; from < all.length; from += PAGE) {
      const some = all.slice(from, from + PAGE);
      const now = this.#now();
      for (const subject of await edges.absent(shard, some)) this.#went(subject, now, now, undefined);
      if (this.#isRecordLost) for (const subject of some) this.#unrecorded.add(subject);
      await this.#report();
      if (!(await this.#goesOn(losses))) return;
    }
    this.#isRecordLost = false;
    this.#reconcileAt = clock() + pace.reconcileMs;
  }

  /** Renews the hold if it is old. Resolves with false if the comparison has no ground any more. */
  async #goesOn(losses: number): Promise<boolean> {
    if (this.#isHoldOld) await this.#catchUp();
    return this.#position !== undefined && this.#losses === losses;
  }

  get #isHoldOld(): boolean {
    const { clock, pace } = this.#options;
    return clock() - this.#heldAt > pace.holdMs / 3;
  }

  /** Unix milliseconds by the backend's clock, about. */
  #now(): number {
    return this.#readNow + this.#options.clock() - this.#heldAt;
  }

  /** Another one observes the shard, or may. */
  #forget(): void {
    this.#present.clear();
    this.#leaving.clear();
    this.#unrecorded.clear();
    this.#events = [];
    this.#position = undefined;
    this.#recorded = undefined;
    this.#isRecordLost = false;
  }
}
