import type { BrokerListener, Position, Publication, Topic } from '#libs/broker/broker.ts';

/** A call of the listener. */
export type LedgerEntry =
  | { readonly kind: 'publication'; readonly room: string; readonly offset: number; readonly frame: string }
  | { readonly kind: 'signal'; readonly topic: Topic; readonly payload: string }
  | { readonly kind: 'reset'; readonly room: string; readonly position: Position; readonly latest: readonly Publication[] }
  | { readonly kind: 'healed'; readonly topics: readonly Topic[] }
  | { readonly kind: 'connectivity'; readonly up: boolean };

/** A listener of a broker that records its calls in order, with copies of the bytes. */
export class BrokerLedger implements BrokerListener {
  readonly entries: LedgerEntry[] = [];

  publication(room: string, offset: number, frame: Uint8Array): void {
    this.entries.push({ kind: 'publication', room, offset, frame: Buffer.from(frame).toString() });
  }

  signal(topic: Topic, payload: Uint8Array): void {
    this.entries.push({ kind: 'signal', topic, payload: Buffer.from(payload).toString() });
  }

  reset(room: string, position: Position, latest: readonly Publication[]): void {
    this.entries.push({ kind: 'reset', room, position, latest });
  }

  healed(topics: readonly Topic[]): void {
    this.entries.push({ kind: 'healed', topics });
  }

  connectivity(up: boolean): void {
    this.entries.push({ kind: 'connectivity', up });
  }

  /** The offsets of the room's publications, in order. */
  offsets(room: string): number[] {
    return this.entries.flatMap((entry) => (entry.kind === 'publication' && entry.room === room ? [entry.offset] : []));
  }

  signals(topic: Topic): string[] {
    return this.entries.flatMap((entry) => (entry.kind === 'signal' && entry.topic === topic ? [entry.payload] : []));
  }

  /** Entries of one kind. */
  of<K extends LedgerEntry['kind']>(kind: K): Extract<LedgerEntry, { kind: K }>[] {
    return this.entries.filter((entry): entry is Extract<LedgerEntry, { kind: K }> => entry.kind === kind);
  }
}
