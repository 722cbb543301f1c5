/** What the hub counts. Plain numbers are added to on the hot path and read when someone scrapes. */

export interface HubStats {
  readonly hot: {
    /** Messages of connections that were accepted. */
    received: number;
    /** Messages handed to connections, one for each recipient. */
    delivered: number;
    bytesSent: number;
  };
  /** Seconds from the publisher's stamp to the fan-out on this node. */
  delivery(seconds: number): void;
  /** How a position was answered: with all that was missed, or with word that it was lost. */
  recovered(result: 'recovered' | 'lost'): void;
  rateLimited(limit: 'frames' | 'connections' | 'bytes' | 'history' | 'rooms' | 'pings'): void;
}
