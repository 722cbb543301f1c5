import { useStore } from 'zustand/react';
import { useText } from '../i18n/language.tsx';
import { useChat } from './chat-context.ts';
import type { Room } from './state/room-list.ts';

/**
 * Whether the other person of a room for two is online, and the words for it. While the hub is away
 * nobody is shown as online, because the page does not know. Undefined without such a room,
 * and of one that ended.
 */
export function usePresenceOf(room: Room | undefined): { readonly online: boolean; readonly words: string } | undefined {
  const text = useText('chat');
  const { store } = useChat();
  const connected = useStore(store.view, (state) => state.connected);
  if (room?.with === undefined || room.closedAt !== undefined) return undefined;
  if (!connected) return { online: false, words: text.presenceUnknown };
  const online = room.count > 1;
  return { online, words: online ? text.isOnline : text.isOffline };
}
