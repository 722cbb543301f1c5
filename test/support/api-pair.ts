import { ApiInstance } from './api-instance.ts';
import { PostgresDatabase } from './postgres.ts';
import { RedisServer } from './redis-server.ts';

/** Two instances of the API on one Redis and one database of their own. */
export class ApiPair {
  readonly database: PostgresDatabase;
  readonly redis: RedisServer;
  readonly one: ApiInstance;
  readonly two: ApiInstance;

  private constructor(database: PostgresDatabase, redis: RedisServer, one: ApiInstance, two: ApiInstance) {
    this.database = database;
    this.redis = redis;
    this.one = one;
    this.two = two;
  }

  static async start(): Promise<ApiPair> {
    const [database, redis] = await Promise.all([PostgresDatabase.create(), RedisServer.start()]);
    const options = { databaseUrl: database.url, redisUrl: redis.url };
    const [one, two] = await Promise.all([ApiInstance.start(options), ApiInstance.start(options)]);
    return new ApiPair(database, redis, one, two);
  }

  /** Returns one of the two, alternating with `n`. */
  either(n: number): ApiInstance {
    return n % 2 === 0 ? this.one : this.two;
  }

  async stop(): Promise<void> {
    await Promise.all([this.one.stop(), this.two.stop()]);
    await Promise.all([this.database.drop(), this.redis.stop()]);
  }
}
