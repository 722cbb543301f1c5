import { describe, expect, it } from 'vitest';
import { chatMessage, page } from '#test/support/client-stage.ts';
import { Handover } from '#test/support/handover.ts';
import type { ServerFrame } from '#test/support/server-frame.ts';

const room = 'r';

class Stage {
  readonly faults: string[] = [];
  readonly handover = new Handover((detail) => this.faults.push(detail));

  /** The client hands over a message. */
  hands(offset: number, id = `r-${offset}`): void {
    this.handover.message({ room, offset, message: chatMessage(id), origin: 'live' });
  }

  /** A frame came, and the client is through with it. */
  came(type: string, offset: number, told = 0): void {
    const frame: ServerFrame = { type, room, offset };
    const messages = page(room, offset, offset);
    this.handover.settled(type.includes('message') ? { ...frame, message: chatMessage(`r-${offset}`) } : { ...frame, messages }, told);
  }
}

describe('what chaos tests hold a client to', () => {
  it('finds nothing wrong where each message is handed over once and in order', () => {
    const stage = new Stage();
    stage.handover.page({ room, offset: 2, messages: page(room, 1, 2) }, false);
    stage.came('joined', 2);
    stage.hands(3);
    stage.came('message', 3);
    stage.handover.page({ room, offset: 1, messages: page('new', 1, 1) }, true);
    stage.came('message', 3, 1);
    stage.hands(2, 'later');
    expect(stage.faults).toEqual([]);
    expect(stage.handover.messages.map(({ id }) => id)).toEqual(['r-1', 'r-2', 'r-3', 'new-1', 'later']);
  });

  it.each(['message', 'joined', 'resync'])('sees what came as %s and was not handed over', (type) => {
    const stage = new Stage();
    stage.came(type, 1);
    expect(stage.faults).toEqual([`r-1 of r came as ${type} and was not handed over`]);
  });

  it('gives what waited for the user time until all is at rest', () => {
    const stage = new Stage();
    stage.came('offline_message', 1);
    expect(stage.handover.owed).toHaveLength(1);
    stage.hands(1);
    expect(stage.handover.owed).toEqual([]);
    expect(stage.faults).toEqual([]);
  });

  it('sees what is handed over twice, and out of order', () => {
    const stage = new Stage();
    for (const offset of [2, 1]) stage.hands(offset);
    stage.hands(3, 'r-1');
    expect(stage.faults).toEqual(['r-1 of r, live at 1, comes after 2', 'r-1 of r, live at 3, was handed over before']);
  });

  it('sees a loss that the application was not told of', () => {
    const stage = new Stage();
    stage.hands(1);
    stage.came('resync', 1, 1);
    expect(stage.faults).toEqual(['of 1 losses in r it was told 0']);
  });
});
