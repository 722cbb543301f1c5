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
  const membership = (room = ROOM) =>
    user.membership(room, validity, () => {
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
  return { validity, membership, asked, later, blind, answer };
}

describe('a membership', () => {
  it('[R7] is asked for once, and again after 30 s', async () => {
    const { membership, asked, later, answer } = stage();
    const waiting = [membership(), membership()];
    answer(0);
    expect(await Promise.all(waiting)).toHaveLength(2);
    expect(asked).toHaveLength(1);
    later(29_999);
    expect(membership()).toMatchObject({ room: ROOM });
    later(1);
    expect(membership()).toBeInstanceOf(Promise);
    expect(asked).toHaveLength(2);
  });

  it('[R7] is asked for again once its room changed, and no other', async () => {
    const { membership, asked, answer, validity } = stage();
    const both = [membership(), membership('group:y')];
    answer(0);
    answer(1, 'group:y');
    await Promise.all(both);
    validity.changed(ROOM);
    expect(membership('group:y')).toMatchObject({ room: 'group:y' });
    expect(membership()).toBeInstanceOf(Promise);
    validity.changedAll();
    expect(membership('group:y')).toBeInstanceOf(Promise);
    expect(asked).toHaveLength(4);
  });

  it('[R7] that a change overtook on its way is asked for again before anybody gets it', async () => {
    const { membership, asked, answer, validity } = stage();
    const order: string[] = [];
    const first = Promise.resolve(membership()).then(() => order.push('first'));
    validity.changed(ROOM);
    const second = Promise.resolve(membership()).then(() => order.push('second'));
    answer(0);
    await expect.poll(() => asked.length).toBe(2);
    expect(order).toEqual([]);
    asked[1]?.reject(new HubError('FORBIDDEN'));
    await expect(first).rejects.toMatchObject({ code: 'FORBIDDEN' });
    await expect(second).rejects.toMatchObject({ code: 'FORBIDDEN' });
    // A refusal is not kept.
    expect(membership()).toBeInstanceOf(Promise);
  });

  it('[R7] serves nobody on a node that has not seen for 2 s what becomes of rooms', async () => {
    const { membership, asked, later, blind, answer } = stage();
    const asking = membership();
    answer(0);
    await asking;
    blind(2000);
    expect(membership()).not.toBeInstanceOf(Promise);
    blind(1);
    const again = membership();
    expect(again).toBeInstanceOf(Promise);
    // What the store says now counts, but is not relied on.
    answer(1);
    expect(await again).toMatchObject({ room: ROOM });
    expect(membership()).toBeInstanceOf(Promise);
    answer(2);
    await membership();
    later(0);
    expect(membership()).not.toBeInstanceOf(Promise);
    expect(asked).toHaveLength(3);
  });
});
