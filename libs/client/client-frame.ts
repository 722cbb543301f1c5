/** Frames the client sends (F of the contract). */
import type { Position } from './server-frame.ts';

export interface JoinTarget {
  readonly room: string;
  readonly since?: Position | undefined;
}

export type ClientFrame =
  | ({ readonly type: 'join'; readonly id: string } & JoinTarget)
  | { readonly type: 'join'; readonly id: string; readonly rooms: readonly JoinTarget[] }
  | { readonly type: 'leave'; readonly id: string; readonly room: string }
  | { readonly type: 'message'; readonly id: string; readonly room: string; readonly text: string; readonly data?: unknown }
  | { readonly type: 'message'; readonly id: string; readonly to: string; readonly text: string; readonly data?: unknown }
  | { readonly type: 'history'; readonly id: string; readonly room: string; readonly before?: number; readonly limit?: number }
  | { readonly type: 'presence'; readonly id: string; readonly room: string }
  | { readonly type: 'query'; readonly id: string; readonly query: 'onLineNumber' }
  | { readonly type: 'delivered'; readonly room: string; readonly offset: number }
  | { readonly type: 'typing'; readonly room: string }
  | { readonly type: 'refresh'; readonly id: string; readonly token: string }
  | { readonly type: 'ping'; readonly id?: string };
