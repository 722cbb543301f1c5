import { describe, expect, it } from 'vitest';
import { MembershipValidity } from '#libs/hub/rooms/membership-validity.ts';
import { LocalUser } from '#libs/hub/sessions/local-user.ts';
import { type Membership, Retention } from '#libs/messages/room-access.ts';
import { HubError } from '#libs/protocol/errors.ts';

const ROOM = 'group:x';

function stage() {
  let now = 0;
  const validity = new MembershipValidity(() => now);
  validity.known(0);
  const user = new LocalUser('u', 'U', 'user', Promise.resolve());
  const asked: PromiseWithResolvers<Membership>[] = [];
  const known = (room = ROOM) => user.knownMembership(room, validity);
  const ask = (room = ROOM) =>
    user.askMembership(room, validity, () => {
      const answer = Promise.withResolvers<Membership>();
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
  const answer = (index: number, room = ROOM): void => asked[index]?.resolve({ room, retention: Retention.history, members: undefined });
  return { validity, known, ask, asked, later, blind, answer };
}

describe('a membership', () => {
  it('[R7] is asked for once, and again after 30 s', async () => {
    const { known, ask, asked, later, answer } = stage();
    const waiting = [ask(), ask()];
    expect(known()).toBeUndefined();
    answer(0);
    expect(await Promise.all(waiting)).toHaveLength(2);
    expect(asked).toHaveLength(1);
    later(29_999);
    expect(known()).toMatchObject({ room: ROOM });
    later(1);
    expect(known()).toBeUndefined();
    void ask();
    expect(asked).toHaveLength(2);
  });

  it('[R7] is asked for again once its room changed, and no other', async () => {
    const { known, ask, answer, validity } = stage();
    const both = [ask(), ask('group:y')];
    answer(0);
    answer(1, 'group:y');
    await Promise.all(both);
    validity.changed(ROOM);
    expect([known('group:y')?.room, known()]).toEqual(['group:y', undefined]);
    validity.changedAll();
    expect([known('group:y'), known()]).toEqual([undefined, undefined]);
  });

  it('[R7] that a change overtook on its way is asked for again before anybody gets it', async () => {
    const { known, ask, asked, answer, validity } = stage();
    const order: string[] = [];
    const first = ask().then(() => order.push('first'));
    validity.changed(ROOM);
    const second = ask().then(() => order.push('second'));
    answer(0);
    await expect.poll(() => asked.length).toBe(2);
    expect(order).toEqual([]);
    asked[1]?.reject(new HubError('FORBIDDEN'));
    await expect(first).rejects.toMatchObject({ code: 'FORBIDDEN' });
    await expect(second).rejects.toMatchObject({ code: 'FORBIDDEN' });
    // A refusal is not kept.
    expect(known()).toBeUndefined();
    void ask();
    expect(asked).toHaveLength(3);
  });

  it('[R7] serves nobody on a node that has not seen for 2 s what becomes of rooms', async () => {
    const { known, ask, asked, later, blind, answer } = stage();
    const asking = ask();
    answer(0);
    await asking;
    blind(2000);
    expect(known()).toMatchObject({ room: ROOM });
    blind(1);
    expect(known()).toBeUndefined();
    const again = ask();
    // What the store says now counts, but is not relied on.
    answer(1);
    expect(await again).toMatchObject({ room: ROOM });
    expect(known()).toBeUndefined();
    later(0);
    expect(known()).toMatchObject({ room: ROOM });
    expect(asked).toHaveLength(2);
  });
});
