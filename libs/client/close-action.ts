import type { StatusReason } from './client-status.ts';
import type { TransportEnd } from './transport.ts';

/** What a client does when its connection ended (table C of the contract). */
export type CloseAction =
  /** Connects again after a back-off. */
  | { readonly action: 'back-off' }
  /** Connects again after exactly this time: the hub said so. */
  | { readonly action: 'wait'; readonly milliseconds: number }
  /** Gets a fresh token and connects again. */
  | { readonly action: 'renew-token' }
  /** Stays away until somebody logs in. */
  | { readonly action: 'refused' }
  /** Stays away. */
  | { readonly action: 'closed' };

/** `reconnectIn`: seconds, of the `draining` frame that came before. */
export function closeAction({ code, reason }: TransportEnd, reconnectIn: number | undefined): CloseAction {
  switch (code) {
    case 1012:
      return reconnectIn === undefined ? { action: 'back-off' } : { action: 'wait', milliseconds: reconnectIn * 1000 };
    case 4001:
      return { action: 'renew-token' };
    case 4029: {
      const seconds = Number(reason.split(' ')[1]);
      return seconds >= 0 ? { action: 'wait', milliseconds: seconds * 1000 } : { action: 'back-off' };
    }
    case 4500:
    case 4503:
      return { action: 'refused' };
    case 1000:
    case 1009:
      return { action: 'closed' };
    default:
      return code >= 4500 && code <= 4999 ? { action: 'closed' } : { action: 'back-off' };
  }
}

/** The hub's code and words out of a close reason, `CODE words`; a line that just broke says nothing, and neither does a hub that was done. */
export function reasonOf({ code, reason }: TransportEnd): StatusReason {
  const space = reason.indexOf(' ');
  const name = space < 0 ? reason : reason.slice(0, space);
  const message = space < 0 ? '' : reason.slice(space + 1);
  return { code: name !== '' ? name : code === 1000 ? 'CLOSED' : 'NETWORK', closeCode: code, ...(message === '' ? {} : { message }) };
}
