/** A worker of a load: does its part and reports once a second. It takes orders over IPC. */
import { WorkerCrew } from './crew.ts';
import type { Order, Report } from './orders.ts';

const REPORT_MS = 1000;

let crew: WorkerCrew | undefined;

function say(report: Report): void {
  process.send?.(report);
}

function prepared(): WorkerCrew {
  if (crew === undefined) throw new Error('no part yet');
  return crew;
}

async function obey(order: Order): Promise<void> {
  switch (order.order) {
    case 'part':
      crew = new WorkerCrew(order.part);
      setInterval(() => say({ report: 'interval', interval: prepared().interval() }), REPORT_MS);
      return;
    case 'connect':
      await prepared().connect();
      return say({ report: 'connected' });
    case 'talk':
      prepared().talk(order.rate);
      return say({ report: 'talking' });
    case 'report':
      say({ report: 'interval', interval: prepared().interval() });
      return say({ report: 'reported' });
    case 'hush':
      await prepared().hush();
      // What happened since the last report belongs to the run.
      say({ report: 'interval', interval: prepared().interval() });
      return say({ report: 'hushed' });
    case 'published':
      return say({ report: 'published', published: prepared().published() });
    case 'settle':
      return say({ report: 'settled', settled: prepared().settle(order.published) });
    case 'end':
      prepared().end();
      setTimeout(() => process.exit(0), 200);
  }
}

process.on('message', (order: Order) => {
  obey(order).catch((error: unknown) => say({ report: 'failure', message: String(error) }));
});
process.on('disconnect', () => process.exit(1));
