/** The load process: gets orders over IPC, one at a time, and answers each. */
import { sendRequests } from './http-load.ts';
import { Load } from './load.ts';
import type { Answer, Order } from './plan.ts';
import { recover } from './recovery.ts';
import { Writers } from './writers.ts';

let load: Load | undefined;
let writers: Writers | undefined;

process.on('message', (order: Order) => {
  obey(order).then(
    (answer) => process.send?.(answer),
    (error: unknown) => process.send?.({ failure: String(error) } satisfies Answer),
  );
});

async function obey(order: Order): Promise<Answer> {
  switch (order.order) {
    case 'prepare':
      load = new Load(order.plan);
      return { done: true };
    case 'connect':
      return prepared().connect();
    case 'run':
      return prepared().run(order.traffic);
    case 'churn':
      return prepared().churn(order.churning);
    case 'recover':
      return recover(order.plan, order.recovering);
    case 'flood':
      return prepared().flood(order.flooding);
    case 'disconnect':
      load?.disconnect();
      load = undefined;
      return { done: true };
    case 'seat':
      writers = await Writers.seat(order.seating);
      return { done: true };
    case 'write':
      if (writers === undefined) throw new Error('nobody is seated');
      return writers.write(order.writing);
    case 'request':
      return sendRequests(order.requests);
  }
}

function prepared(): Load {
  if (load === undefined) throw new Error('no plan yet');
  return load;
}
