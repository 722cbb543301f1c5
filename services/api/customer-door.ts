/** Whether customers are let in (`ALLOW_CUSTOMERS`, A5), new ones and those who come back. */
import type { CustomerDoor } from '#libs/config/kinds.ts';
import { HubError } from '#libs/protocol/errors.ts';
import type { ApiParts } from './api-parts.ts';

/** @throws HubError `FORBIDDEN` if customers of the channel are not let in. */
export function requireOpenDoor(door: CustomerDoor, channel: string | undefined): void {
  const open = typeof door === 'boolean' ? door : channel !== undefined && door.includes(channel);
  if (!open) throw new HubError('FORBIDDEN', 'Customers are not let in here (ALLOW_CUSTOMERS).');
}

/** The same for a customer by their id. Rejects also with `HubError` `UNAVAILABLE`. */
export async function requireCustomerDoor(
  { store, allowCustomers }: Pick<ApiParts, 'store' | 'allowCustomers'>,
  customer: string,
): Promise<void> {
  if (allowCustomers === true) return;
  requireOpenDoor(allowCustomers, (await store.customers.byId(customer))?.channel);
}
