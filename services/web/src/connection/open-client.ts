import { ParleyClient } from '#libs/client/index.ts';

import type { Account } from '../account/account.ts';

/** The one connection of this page, to the hub it came from. What reached the person is told by the rooms as they are looked at. */
export function openClient(account: Account, { protocol, host }: Pick<Location, 'protocol' | 'host'>): ParleyClient {
  const client = new ParleyClient({
    url: `${protocol === 'https:' ? 'wss:' : 'ws:'}//${host}/ws/chat`,
    getToken: account.getToken,
    delivered: 'manual',
  });
  client.connect();
  return client;
}
