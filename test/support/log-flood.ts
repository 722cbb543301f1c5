/**
 * A program that logs `<lines>` lines, a hundred in each turn of its event loop, whether they are
 * read or not. Then it writes its costs to file descriptor 3 as JSON `{bytes,dropped,metric}`: the
 * most memory above the start, the dropped lines, and the same number in a scrape. SIGTERM ends it.
 */
import { writeSync } from 'node:fs';
import { setImmediate as turn } from 'node:timers/promises';
import { createLogger } from '#libs/telemetry/logger.ts';
import { Metrics } from '#libs/telemetry/metrics.ts';
import { droppedLines } from '#libs/telemetry/standard-output.ts';

const lines = Number(process.argv[2]);
const log = createLogger({ node: 'flood', level: 'info' });
const metrics = new Metrics({ version: '0' });
process.once('SIGTERM', () => process.exit(0));
setInterval(() => undefined, 60_000);

const before = process.memoryUsage.rss();
let most = before;
for (let i = 1; i <= lines; i += 1) {
  log.info({ i }, 'a line that somebody might want to read');
  if (i % 100 !== 0) continue;
  most = Math.max(most, process.memoryUsage.rss());
  await turn();
}
const metric = Number(/^parley_log_lines_dropped_total (\d+)$/m.exec(await metrics.text())?.[1]);
writeSync(3, JSON.stringify({ bytes: most - before, dropped: droppedLines(), metric }));
