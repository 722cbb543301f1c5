/** A frame from the hub as a test reads it: any member may be there. What each type has is in the contract, F. */
export interface ServerFrame {
  readonly type: string;
  readonly id?: string;
  readonly room?: string;
  readonly count?: number;
  readonly epoch?: string;
  readonly offset?: number;
  readonly recovered?: boolean;
  readonly more?: boolean;
  readonly messages?: readonly PageMessage[];
  readonly message?: ChatMessage | string;
  readonly users?: readonly Person[];
  readonly user?: Person;
  readonly with?: Person;
  readonly body?: unknown;
  readonly action?: 'joined' | 'left';
  readonly code?: string;
  readonly retryable?: boolean;
  readonly retryAfter?: number;
  readonly expiresAt?: number;
  readonly reconnectIn?: number;
  readonly reason?: string;
  readonly session?: string;
  readonly node?: string;
  readonly online?: number;
  readonly heartbeat?: number;
  readonly limits?: { readonly messageChars: number; readonly frameBytes: number; readonly rooms: number };
  readonly at?: number;
}

interface Person {
  readonly id: string;
  readonly name: string;
  readonly kind?: string;
}

export interface ChatMessage {
  readonly id: string;
  readonly from?: Person;
  readonly text?: string;
  readonly data?: unknown;
  readonly at: number;
  /** In an `ack`. */
  readonly offset?: number;
}

export interface PageMessage {
  readonly offset: number;
  readonly message: ChatMessage;
}

/** The `message` member as an object; throws where the frame has none. */
export function messageOf(frame: ServerFrame): ChatMessage {
  if (typeof frame.message !== 'object') throw new TypeError(`no message in ${JSON.stringify(frame)}`);
  return frame.message;
}
