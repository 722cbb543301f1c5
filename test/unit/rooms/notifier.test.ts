import { describe, expect, it } from 'vitest';
import { HubError } from '#libs/protocol/errors.ts';
import { Notifier } from '#libs/rooms/notifier.ts';

/** A broker that takes nothing for its first `failures` signals, and a wait that ends when the test says so. */
function world(failures: number) {
  const sent: string[] = [];
  const lost: unknown[] = [];
  const waits: (() => void)[] = [];
  let left = failures;
  const notices = new Notifier({
    broker: {
      emit: async (topic, payload) => {
        if (left-- > 0) throw new HubError('UNAVAILABLE');
        sent.push(`${topic} ${payload}`);
      },
    },
    wait: () => new Promise((resolve) => waits.push(resolve)),
    lost: (error) => void lost.push(error),
  });
  const pass = async (): Promise<void> => {
    for (const done of waits.splice(0)) done();
    await new Promise(setImmediate);
  };
  return { notices, sent, lost, waits, pass };
}

const ann = { id: 'ann', name: 'Ann' };

describe('signals to gateways', () => {
  it('[A8] of a closed room go to the room, of a private one to its members', async () => {
    const { notices, sent } = world(0);
    await notices.closed('group:x', 'group', [ann], 'expired');
    expect(sent.splice(0)).toEqual(['r:group:x ~cexpired']);
    await notices.closed('pair:x', 'pair', [ann], 'closed');
    expect(sent).toEqual(['u:ann {"type":"room_closed","room":"pair:x","reason":"closed"}']);
  });

  it('[A8] that cannot be sent are tried again behind the caller', async () => {
    const { notices, sent, lost, pass } = world(3);
    await notices.membership('group:x', ['ann']);
    expect(sent).toEqual([]);
    await pass();
    await pass();
    expect(sent).toEqual([]);
    await pass();
    expect(sent).toEqual(['u:ann ~xgroup:x']);
    expect(lost).toEqual([]);
  });

  it('[A8] are given up after a while, and that is told once', async () => {
    const { notices, sent, lost, waits, pass } = world(Number.POSITIVE_INFINITY);
    await notices.membership('group:x', ['ann']);
    for (let n = 0; n < 50; n++) await pass();
    expect(lost).toHaveLength(1);
    expect(waits).toEqual([]);
    expect(sent).toEqual([]);
  });
});
