import type { PublishRequest } from '#libs/broker/broker.ts';
import { BrokerRedis, type BrokerRedisOptions } from '#libs/broker/broker-redis.ts';
import { RedisLink } from '#libs/redis/redis-link.ts';

import { BrokerLedger } from './broker-ledger.ts';
import { until } from './wait.ts';

const SILENT = { info: () => undefined, warn: () => undefined, error: () => undefined };

let count = 0;

/** Makes a publication with a new key and a text. */
export function publication(room: string, text: string, more: Partial<PublishRequest> = {}): PublishRequest {
  const at = Date.now();
  const key = `key-${String(count++).padStart(18, '0')}`;
  return { room, tail: `"room":"${room}","type":"message","message":{"text":"${text}","at":${at}}}`, key, at, ...more };
}

/**
 * A broker on a real Redis, as in a gateway. A ledger records its deliveries, and the counts of its
 * hooks.
 */
export class BrokerNode {
  readonly link: RedisLink;
  readonly broker: BrokerRedis;
  readonly ledger = new BrokerLedger();
  readonly gaps: boolean[] = [];
  readonly lags: number[] = [];
  reconnects = 0;

  private constructor(url: string, options: BrokerRedisOptions) {
    this.link = RedisLink.open(url, { prefix: 'test', log: SILENT });
    this.broker = new BrokerRedis(this.link, {
      ...options,
      observe: {
        gap: (filled) => void this.gaps.push(filled),
        reconnect: () => {
          this.reconnects++;
        },
        lag: (seconds) => void this.lags.push(seconds),
      },
    });
  }

  static async start(url: string, options: BrokerRedisOptions = {}): Promise<BrokerNode> {
    const node = new BrokerNode(url, options);
    try {
      await node.broker.start(node.ledger);
      return node;
    } catch (error) {
      await node.close();
      throw error;
    }
  }

  /**
   * Returns the position of a reader of the ledger: the joined position, moved by publications and
   * resets. Throws on a gap or a repetition.
   */
  follow(room: string, start: number): { readonly offset: number; readonly resets: number } {
    let offset = start;
    let resets = 0;
    for (const entry of this.ledger.entries) {
      if (entry.kind === 'publication' && entry.room === room) {
        if (entry.offset !== offset + 1) throw new Error(`${room}: ${entry.offset} after ${offset}`);
        offset = entry.offset;
      } else if (entry.kind === 'reset' && entry.room === room) {
        offset = entry.position.offset;
        resets++;
      }
    }
    return { offset, resets };
  }

  /** Resolves when the room has reached an offset without a gap. */
  async reached(room: string, start: number, offset: number, timeoutMs = 10_000): Promise<void> {
    await until(() => this.follow(room, start).offset >= offset, {
      timeoutMs,
      describe: () => `${room} at ${offset}: ${JSON.stringify(this.ledger.entries.slice(-5))}`,
    });
  }

  async close(): Promise<void> {
    await this.broker.close();
    await this.link.close();
  }
}
