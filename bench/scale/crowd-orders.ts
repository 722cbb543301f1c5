import type { Shape, Traffic } from './grid.ts';

/** The connections of one crowd process: those with the numbers `from` to `to` - 1. */
export interface Block {
  readonly shape: Shape;
  readonly nodes: number;
  readonly from: number;
  readonly to: number;
  /** The ports of the gateways, by node. */
  readonly ports: readonly number[];
  /** The addresses of this machine that they connect from, in turn. */
  readonly addresses: readonly string[];
  readonly secret: string;
}

/** Orders to a crowd process. It answers each with one `CrowdAnswer`. */
export type CrowdOrder =
  | { readonly order: 'block'; readonly block: Block }
  | { readonly order: 'connect' }
  /** Publishes those messages of the traffic that fall to this process. */
  | { readonly order: 'publish'; readonly traffic: Traffic; readonly part: number; readonly parts: number; readonly rooms: number }
  | { readonly order: 'count' }
  /** Clients that lose the connection to this port reconnect to another one. Answered once all have. */
  | { readonly order: 'come-back'; readonly port: number }
  /** Those who came back elsewhere go to the port that their node has now. */
  | { readonly order: 'go-home'; readonly ports: readonly number[] };

export type CrowdAnswer =
  | { readonly done: true }
  | { readonly connected: number; readonly failures: readonly string[] }
  | Counted
  | { readonly failure: string };

/** What a crowd process counted. */
export interface Counted {
  readonly deliveries: number;
  /** Connections that ended by themselves and did not come back. */
  readonly broken: number;
  readonly bytes: number;
  readonly cpuMicros: number;
}
