/** The unsent texts of a page of this hub. */

import type { ParleyClient } from '#libs/client/index.ts';
import { cookieSuffix } from '../login/browser-login.ts';
import { ownStorage, type WebStorage } from '../storage/browser-storage.ts';
import { UnsentTexts } from './unsent-texts.ts';

/** Whose texts, and on which page of the hub. */
interface UnsentOwner {
  readonly page: 'chat' | 'agent' | 'customer';
  /** The user's id. */
  readonly owner: string;
  /** Used if the browser forbids this page a storage. */
  readonly fallback?: WebStorage | undefined;
}

/**
 * The texts of a user in this tab. While some would be lost, the browser asks before it leaves the
 * page.
 */
export function unsentOf({ page, owner, fallback }: UnsentOwner): UnsentTexts {
  return new UnsentTexts({
    storage: ownStorage(() => sessionStorage) ?? fallback,
    key: `parley.unsent${cookieSuffix()}.${page}`,
    owner,
    onRisk: (isAtRisk) => (isAtRisk ? addEventListener : removeEventListener)('beforeunload', ask),
  });
}

/** Follows the connection that the texts are sent over. A logout drops them, also one in another tab. */
export function followedBy(unsent: UnsentTexts, client: Pick<ParleyClient, 'on'>): UnsentTexts {
  client.on('status', ({ state, reason }) => {
    unsent.setOnline(state === 'connected');
    if (reason?.code === 'LOGGED_OUT') unsent.end();
  });
  return unsent;
}

function ask(event: BeforeUnloadEvent): void {
  event.preventDefault();
}
