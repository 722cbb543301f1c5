/** One look at a server's `/metrics`. */
export interface ServerSample {
  /** Seconds of CPU so far. */
  readonly cpuSeconds: number;
  readonly residentBytes: number;
  /** Seconds; NaN where a server has no such metric. */
  readonly redisLagSeconds: number;
  readonly eventLoopLagSeconds: number;
  readonly connections: number;
  /** When, by this machine's steady clock, milliseconds. */
  readonly at: number;
}

const SCRAPE_MS = 2000;

/** Reads the metrics of a server. Undefined if it does not answer in time. */
export async function scrape(url: URL): Promise<ServerSample | undefined> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(SCRAPE_MS) });
    if (!response.ok) return undefined;
    return readSample(await response.text(), performance.now());
  } catch {
    return undefined;
  }
}

/** Finds what a report shows in the text of Prometheus's exposition format. */
function readSample(text: string, at: number): ServerSample {
  const value = (name: string): number => {
    const line = text.split('\n').find((one) => one.startsWith(`${name} `) || one.startsWith(`${name}{`));
    return line === undefined ? Number.NaN : Number(line.slice(line.lastIndexOf(' ') + 1));
  };
  return {
    cpuSeconds: value('process_cpu_seconds_total'),
    residentBytes: value('process_resident_memory_bytes'),
    redisLagSeconds: value('parley_redis_lag_seconds'),
    eventLoopLagSeconds: value('parley_event_loop_lag_seconds{value="p99"}'),
    connections: value('parley_connections'),
    at,
  };
}
