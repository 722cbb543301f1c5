/** The counts of the hub. The hot path adds to plain numbers; a scrape reads them. */

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
  /**
   * The answer to a position: all missed messages (`recovered`), or a report that they are lost.
   */
  recovered(result: 'recovered' | 'lost'): void;
  rateLimited(limit: 'frames' | 'connections' | 'bytes' | 'history' | 'rooms' | 'pings'): void;
}
