import { loadScript, type RedisLink } from './redis-link.ts';

const DRAW = loadScript(new URL('./lua/draw.lua', import.meta.url));

/** Token buckets in Redis, one for each key. A full bucket expires. */
export class TokenBucketsRedis {
  readonly #link: RedisLink;

  constructor(link: RedisLink) {
    this.#link = link;
  }

  /** As `TokenBuckets.draw`. Rejects with `HubError` `UNAVAILABLE`. */
  async draw(name: string, subject: string, tokens: { least: number; most: number }, bucket: { rate: number; burst: number }) {
    const args = [tokens.least, tokens.most, bucket.rate, bucket.burst];
    const [drawn, waitMs] = (await this.#link.run(DRAW, [this.#link.keys.limit(name, subject)], args)) as [number, number];
    return { drawn, waitMs };
  }
}
