import { createContext, useContext } from 'react';
import type { Notifier } from '../notify/notifier.tsx';
import type { ChatStore } from './state/chat-store.ts';

/** The store and the notifier of a chat. */
export interface ChatParts {
  readonly store: ChatStore;
  readonly notifier: Notifier;
}

/** `Chat` provides it. */
export const ChatContext = createContext<ChatParts | undefined>(undefined);

/** The store and the notifier of the chat above. */
export function useChat(): ChatParts {
  const parts = useContext(ChatContext);
  if (parts === undefined) throw new TypeError('useChat needs a Chat above.');
  return parts;
}
