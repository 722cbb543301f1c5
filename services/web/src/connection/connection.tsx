import { createContext, type ReactNode, useContext, useEffect, useState } from 'react';

import type { ClientStatus, ParleyClient } from '#libs/client/index.ts';

const Context = createContext<ClientStatus | undefined>(undefined);

/** Tells everything below how the client stands with the hub. */
export function ConnectionProvider({ client, children }: { readonly client: ParleyClient; readonly children: ReactNode }) {
  const [status, setStatus] = useState(client.status);
  useEffect(() => {
    // What changed before this listened is not told again.
    setStatus(client.status);
    return client.on('status', setStatus);
  }, [client]);
  return <Context.Provider value={status}>{children}</Context.Provider>;
}

/** How the client stands with the hub. */
export function useStatus(): ClientStatus {
  const status = useContext(Context);
  if (status === undefined) throw new TypeError('useStatus needs a ConnectionProvider above.');
  return status;
}
