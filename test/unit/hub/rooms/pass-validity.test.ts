import { describe, expect, it } from 'vitest';
import { PassValidity } from '#libs/hub/rooms/pass-validity.ts';
import { LocalUser } from '#libs/hub/sessions/local-user.ts';
import { Keeps, type RoomPass } from '#libs/messages/room-access.ts';
import { HubError } from '#libs/protocol/errors.ts';

const ROOM = 'group:x';

function stage() {
  let now = 0;
  const validity = new PassValidity(() => now);
  validity.known(0);
  const user = new LocalUser('u', 'U', 'user', Promise.resolve());
  const asked: PromiseWithResolvers<RoomPass>[] = [];
  const pass = (room = ROOM) =>
    user.pass(room, validity, () => {
      const answer = Promise.withResolvers<RoomPass>();
      asked.push(answer);
      return answer.promise;
    });
  /** Time passes, and the node goes on seeing what becomes of rooms. */
  const later = (milliseconds: number): void => {
    now += milliseconds;
    validity.known(0);
  };
  const blind = (milliseconds: number): void => {
    now += milliseconds;
  };
  const answer = (index: number, room = ROOM): void => asked[index]?.resolve({ room, keeps: Keeps.history, members: undefined });
  return { validity, pass, asked, later, blind, answer };
}

describe('a pass', () => {
  it('[R7] is asked for once, and again after 30 s', async () => {
    const { pass, asked, later, answer } = stage();
    const waiting = [pass(), pass()];
    answer(0);
    expect(await Promise.all(waiting)).toHaveLength(2);
    expect(asked).toHaveLength(1);
    later(29_999);
    expect(pass()).toMatchObject({ room: ROOM });
    later(1);
    expect(pass()).toBeInstanceOf(Promise);
    expect(asked).toHaveLength(2);
  });

  it('[R7] is asked for again once its room changed, and no other', async () => {
    const { pass, asked, answer, validity } = stage();
    const both = [pass(), pass('group:y')];
    answer(0);
    answer(1, 'group:y');
    await Promise.all(both);
    validity.changed(ROOM);
    expect(pass('group:y')).toMatchObject({ room: 'group:y' });
    expect(pass()).toBeInstanceOf(Promise);
    validity.changedAll();
    expect(pass('group:y')).toBeInstanceOf(Promise);
    expect(asked).toHaveLength(4);
  });

  it('[R7] that a change overtook on its way is asked for again before anybody gets it', async () => {
    const { pass, asked, answer, validity } = stage();
    const order: string[] = [];
    const first = Promise.resolve(pass()).then(() => order.push('first'));
    validity.changed(ROOM);
    const second = Promise.resolve(pass()).then(() => order.push('second'));
    answer(0);
    await expect.poll(() => asked.length).toBe(2);
    expect(order).toEqual([]);
    asked[1]?.reject(new HubError('FORBIDDEN'));
    await expect(first).rejects.toMatchObject({ code: 'FORBIDDEN' });
    await expect(second).rejects.toMatchObject({ code: 'FORBIDDEN' });
    // A refusal is not kept.
    expect(pass()).toBeInstanceOf(Promise);
  });

  it('[R7] serves nobody on a node that has not seen for 2 s what becomes of rooms', async () => {
    const { pass, asked, later, blind, answer } = stage();
    const asking = pass();
    answer(0);
    await asking;
    blind(2000);
    expect(pass()).not.toBeInstanceOf(Promise);
    blind(1);
    const again = pass();
    expect(again).toBeInstanceOf(Promise);
    // What the store says now counts, but is not relied on.
    answer(1);
    expect(await again).toMatchObject({ room: ROOM });
    expect(pass()).toBeInstanceOf(Promise);
    answer(2);
    await pass();
    later(0);
    expect(pass()).not.toBeInstanceOf(Promise);
    expect(asked).toHaveLength(3);
  });
});
