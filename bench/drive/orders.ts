import type { Published, Tally } from './receipts.ts';
import type { Interval } from './samples.ts';
import type { Scenario } from './scenario.ts';
import type { Target } from './target.ts';

/** Where the tokens of a load come from. `mint`: signed with a secret. `list`: given, one a seat. */
export type Tokens =
  | { readonly kind: 'mint'; readonly secret: string; readonly issuer?: string | undefined; readonly audience?: string | undefined }
  | { readonly kind: 'list'; readonly tokens: readonly string[] };

/** The part of a load that one worker does. */
export interface Part {
  readonly scenario: Scenario;
  readonly targets: readonly Target[];
  readonly tokens: Tokens;
  /** The address of the API, without `/api/v1`: customers and agents need it. */
  readonly api: string;
  /** Sets rooms and users apart from those of other runs. */
  readonly run: string;
  /** This worker, and how many there are: it has the seats `worker`, `worker + workers`, ... */
  readonly worker: number;
  readonly workers: number;
  /** Addresses of this machine to connect from, in turn. Empty: the system chooses. */
  readonly from: readonly string[];
  /** How a machine that helps differs from the first one: add it to a time of this one, microseconds. */
  readonly clockOffset: number;
}

/** What a worker is told. `rate`: messages a second of all workers together. */
export type Order =
  | { readonly order: 'part'; readonly part: Part }
  | { readonly order: 'connect' }
  | { readonly order: 'talk'; readonly rate: number }
  | { readonly order: 'report' }
  | { readonly order: 'hush' }
  | { readonly order: 'published' }
  | { readonly order: 'settle'; readonly published: Readonly<Record<number, Published>> }
  | { readonly order: 'end' };

/** The ledger of a load, over all who were in their rooms from the first message on. */
export interface Settled extends Tally {
  readonly receivers: number;
  /** Receivers that were told of a loss (`resync`) or lost their place, and are in no sum. */
  readonly excused: number;
}

/** What a worker says. Each order but `part` has one answer. */
export type Report =
  | { readonly report: 'interval'; readonly interval: Interval }
  | { readonly report: 'connected' }
  | { readonly report: 'talking' }
  | { readonly report: 'reported' }
  | { readonly report: 'hushed' }
  | { readonly report: 'published'; readonly published: Readonly<Record<number, Published>> }
  | { readonly report: 'settled'; readonly settled: Settled }
  | { readonly report: 'failure'; readonly message: string };
