import { ParleyClient } from '#libs/client/index.ts';

import type { Account } from '../account/account.ts';
import { socketUrl } from '../login/hub-url.ts';

/** The one connection of this page, to the hub it came from. What reached the person is told by the rooms as they are looked at. */
export function openClient(account: Account): ParleyClient {
  const client = new ParleyClient({
    url: socketUrl(),
    getToken: account.getToken,
    delivered: 'manual',
  });
  client.connect();
  return client;
}
