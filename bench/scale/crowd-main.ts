/** A crowd process: gets orders over IPC, one at a time, and answers each. */
import { Crowd } from './crowd.ts';
import type { CrowdAnswer, CrowdOrder } from './crowd-orders.ts';

let crowd: Crowd | undefined;

process.on('message', (order: CrowdOrder) => {
  obey(order).then(
    (answer) => process.send?.(answer),
    (error: unknown) => process.send?.({ failure: String(error) } satisfies CrowdAnswer),
  );
});

async function obey(order: CrowdOrder): Promise<CrowdAnswer> {
  switch (order.order) {
    case 'block':
      crowd = new Crowd(order.block);
      return { done: true };
    case 'connect':
      return made().connect();
    case 'publish':
      await made().publish(order.traffic, order.part, order.parts, order.rooms);
      return { done: true };
    case 'count':
      return made().count();
    case 'come-back':
      return made().comeBack(order.port);
    case 'go-home':
      return made().goHome(order.ports);
  }
}

function made(): Crowd {
  if (crowd === undefined) throw new Error('no block yet');
  return crowd;
}
