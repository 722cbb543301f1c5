import { useStore } from 'zustand/react';

import { useChat } from '../chat-context.ts';
import { RoomView } from '../room/room-view.tsx';
import { PairBar } from './pair-bar.tsx';
import { PairOver } from './pair-over.tsx';
import { PairSearch } from './pair-search.tsx';
import { TimeLeft } from './time-left.tsx';

/** My pair, or the way to one. */
export function PairView() {
  const { store } = useChat();
  const state = useStore(store.pair.view, (search) => search.state);
  const room = useStore(store.rooms.view, () => ('pair' in state ? store.rooms.get(state.pair.room) : undefined));
  const found = state.is === 'paired';

  if (state.is !== 'paired' && state.is !== 'over') return <PairSearch />;
  const { pair } = state;
  return (
    <RoomView
      key={pair.room}
      thread={store.thread(pair.room)}
      title={pair.with.name}
      person={pair.with}
      room={room}
      direct
      about={found && pair.expiresAt !== undefined ? <TimeLeft until={pair.expiresAt} /> : undefined}
      bar={state.is === 'paired' ? <PairBar pair={pair} /> : <PairOver reason={state.reason} />}
    />
  );
}
