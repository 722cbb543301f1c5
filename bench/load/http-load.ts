import autocannon from 'autocannon';
import { quantile } from '#bench/measure/stats.ts';
import { requestOf } from './http-request.ts';
import type { Requested, Requests } from './plan.ts';

/** Sends requests with autocannon. It measures each answer itself, rounded to milliseconds. */
export async function sendRequests(requests: Requests): Promise<Requested> {
  const { port, amount, connections, kind, first, bearer } = requests;
  const times: number[] = [];
  let next = first;
  let refused = 0;
  const started = performance.now();
  let ended = started;
  const broken = await new Promise<number>((resolve, reject) => {
    const run = autocannon(
      {
        url: `http://127.0.0.1:${port}`,
        connections,
        amount,
        requests: [{ setupRequest: (request) => ({ ...request, ...requestOf(kind, next++, bearer) }) }],
      },
      (error: unknown, result) => (error ? reject(error) : resolve(result.errors)),
    );
    run.on('response', (_client, status, _bytes, milliseconds) => {
      ended = performance.now();
      if (status < 200 || status > 299) refused += 1;
      else times.push(milliseconds);
    });
  });
  const sorted = Float64Array.from(times).sort();
  return {
    answered: sorted.length,
    failed: refused + broken,
    seconds: (ended - started) / 1000,
    p50: quantile(sorted, 0.5),
    p99: quantile(sorted, 0.99),
  };
}
