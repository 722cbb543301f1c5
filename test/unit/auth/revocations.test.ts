import fc from 'fast-check';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { Credentials } from '#libs/auth/credentials.ts';
import { type Revocation, RevocationFeed, Revocations, TokenGate, tokenHash } from '#libs/auth/revocations.ts';
import { SharedSecret } from '#libs/auth/signing-keys.ts';
import { TokenVerifier } from '#libs/auth/token-verifier.ts';
import { TokenSigner } from '#libs/auth/tokens.ts';
import { HubError } from '#libs/protocol/errors.ts';
import { listeningLog } from '#test/support/api-world.ts';

const NOW = 1_700_000_000_000;
const ANN: Credentials = { userId: 'ann', name: 'Ann', kind: 'user', expiresAt: NOW / 1000 + 900, issuedAt: NOW / 1000, login: 'login-1' };

let seq = 0;
const sanction = (kind: Revocation['kind'], subject: string, more: Partial<Revocation> = {}): Revocation => ({
  seq: ++seq,
  kind,
  subject,
  reason: '',
  at: NOW,
  until: NOW + 1000,
  ...more,
});

const refused = (revocations: Revocations, credentials: Credentials, token = 'a.b.c', now = NOW): boolean => {
  try {
    revocations.check(credentials, token, now);
    return false;
  } catch (error) {
    expect(error).toMatchObject({ name: 'HubError', code: expect.stringMatching(/^(TOKEN_EXPIRED|BANNED)$/) });
    return true;
  }
};

const applied = (...sanctions: Revocation[]): Revocations => {
  const revocations = new Revocations();
  for (const one of sanctions) revocations.apply(one, NOW);
  return revocations;
};

describe('what is revoked', () => {
  it('[H3] a login, with all of its tokens and no others', () => {
    const revocations = applied(sanction('login', 'login-1'));
    expect(refused(revocations, ANN)).toBe(true);
    expect(refused(revocations, { ...ANN, login: 'login-2' })).toBe(false);
    const { login: _, ...without } = ANN;
    expect(refused(revocations, without)).toBe(false);
  });

  it('[H3] one token, by its hash', () => {
    const revocations = applied(sanction('token', tokenHash('a.b.c')));
    expect(refused(revocations, ANN, 'a.b.c')).toBe(true);
    expect(refused(revocations, ANN, 'a.b.d')).toBe(false);
    expect(tokenHash('a.b.c')).toMatch(/^[\w-]{43}$/);
  });

  it('[H3] all tokens of a user up to a moment, not those of a login right after it', () => {
    const revocations = applied(sanction('user', 'ann', { at: NOW + 500 }));
    expect(refused(revocations, ANN)).toBe(true);
    expect(refused(revocations, { ...ANN, issuedAt: (NOW + 500) / 1000 })).toBe(true);
    expect(refused(revocations, { ...ANN, issuedAt: (NOW + 501) / 1000 })).toBe(false);
    expect(refused(revocations, { ...ANN, userId: 'ben' })).toBe(false);
    const { issuedAt: _, ...undated } = ANN;
    expect(refused(revocations, undated)).toBe(true);
  });

  it('[H3] a banned user, until the ban is over or lifted', () => {
    const ban = sanction('ban', 'ann');
    expect(refused(applied(ban), ANN)).toBe(true);
    expect(refused(applied(ban), ANN, 'a.b.c', NOW + 1000)).toBe(false);
    const lifted = sanction('unban', 'ann');
    expect(refused(applied(ban, lifted), ANN)).toBe(false);
    const again = sanction('ban', 'ann', { until: NOW + 5000 });
    expect(refused(applied(ban, lifted, again), ANN, 'a.b.c', NOW + 4000)).toBe(true);
  });

  it('[H3] [A11] nobody by a ban that was lifted, which is forgotten within minutes', () => {
    const revocations = new Revocations();
    const years = { until: NOW + 315_360_000_000 };
    for (let user = 0; user < 1000; user += 1) {
      revocations.apply(sanction('ban', `u${user}`, years), NOW);
      revocations.apply(sanction('unban', `u${user}`, years), NOW);
    }
    revocations.apply(sanction('ban', 'ann', years), NOW + 600_000);
    expect(revocations.size).toBe(1);
    expect(revocations.banOf('u1', NOW + 600_000)).toBeUndefined();
    expect(revocations.banOf('ann', NOW + 600_000)).toEqual({ until: NOW + 315_360_000_000, reason: '' });
  });

  it('[A17] the banned person learns until when and why, and only by a token that is good otherwise', () => {
    const ban = sanction('ban', 'ann', { reason: 'Be kind.' });
    const found = (revocations: Revocations): unknown => {
      try {
        return revocations.check(ANN, 'a.b.c', NOW);
      } catch (error) {
        return error;
      }
    };
    expect(found(applied(ban))).toMatchObject({ code: 'BANNED', ban: { until: NOW + 1000, reason: 'Be kind.' } });
    for (const revoked of [sanction('login', 'login-1'), sanction('token', tokenHash('a.b.c')), sanction('user', 'ann')])
      expect(found(applied(ban, revoked))).toMatchObject({ code: 'TOKEN_EXPIRED', ban: undefined });
  });

  it('[A17] a ban holds for the browsers and guests that it covers, and ends for all of them', () => {
    const short = sanction('ban', 'ann', { reason: 'short', covers: ['browser b', 'ben'] });
    const long = sanction('ban', 'cid', { reason: 'long', until: NOW + 5000, covers: ['browser b'] });
    const revocations = applied(short, long);
    expect(revocations.banOf('ben', NOW)).toEqual({ until: NOW + 1000, reason: 'short' });
    expect(revocations.banOf('browser b', NOW)).toEqual({ until: NOW + 5000, reason: 'long' });
    expect(revocations.banOf('browser c', NOW)).toBeUndefined();
    expect(revocations.banOf('ben', NOW + 1000)).toBeUndefined();
    revocations.apply(sanction('unban', 'cid', { until: NOW + 9000 }), NOW);
    expect(revocations.banOf('browser b', NOW)).toEqual({ until: NOW + 1000, reason: 'short' });
    revocations.apply(sanction('login', 'other', { until: NOW + 900_000 }), NOW + 600_000);
    expect(revocations.size).toBe(1);
  });

  it('[H3] nothing by a disconnect: it concerns connections', () => {
    const revocations = applied(sanction('disconnect', 'ann'));
    expect(refused(revocations, ANN)).toBe(false);
    expect(revocations.size).toBe(0);
  });
});

describe('entries', () => {
  it('[H3] may come in any order and again: the newest counts', { timeout: 60_000 }, () => {
    const log = [
      sanction('ban', 'ann'),
      sanction('unban', 'ann'),
      sanction('ban', 'ben'),
      sanction('login', 'login-1'),
      sanction('user', 'ann', { at: NOW - 5000 }),
      sanction('user', 'ann', { at: NOW - 4000 }),
    ];
    const people = [ANN, { ...ANN, login: 'x' }, { ...ANN, login: 'x', userId: 'ben' }, { ...ANN, login: 'x', issuedAt: NOW / 1000 - 4.5 }];
    const verdicts = (revocations: Revocations): boolean[] => people.map((who) => refused(revocations, who));
    const expected = verdicts(applied(...log));
    expect(expected).toEqual([true, false, true, true]);
    fc.assert(
      fc.property(fc.shuffledSubarray([...log, ...log], { minLength: log.length * 2 }), (shuffled) => {
        expect(verdicts(applied(...shuffled))).toEqual(expected);
      }),
      { numRuns: 200 },
    );
  });

  it('[H3] that are over are forgotten', () => {
    const revocations = new Revocations();
    for (let n = 0; n < 1000; n++) revocations.apply(sanction('login', `login-${n}`), NOW);
    expect(revocations.size).toBe(1000);
    revocations.apply(sanction('login', 'late', { at: NOW, until: NOW + 500_000 }), NOW + 60_000);
    expect(revocations.size).toBe(1);
    revocations.apply(sanction('login', 'over', { until: NOW }), NOW + 60_000);
    expect(revocations.size).toBe(1);
  });
});

/** A log of revocations that can be away. */
class Ledger {
  readonly entries: Revocation[] = [];
  away = false;
  looks = 0;

  add(seq: number, kind: Revocation['kind'], subject: string, until = NOW + 60_000): void {
    this.entries.push({ seq, kind, subject, reason: '', at: NOW, until });
  }

  /** Everything again each time: what the feed has to bear. */
  async since(mark: string | undefined, now: number): Promise<{ entries: Revocation[]; mark: string }> {
    this.looks += 1;
    if (this.away) throw new HubError('UNAVAILABLE');
    return { entries: this.entries.filter(({ until }) => mark !== undefined || until > now), mark: 'x' };
  }
}

function stage(source: Ledger) {
  const told: string[] = [];
  const logged: string[] = [];
  const revocations = new Revocations();
  const feed = new RevocationFeed({
    source,
    revocations,
    onRevocation: ({ kind, subject }) => told.push(`${kind} ${subject}`),
    now: () => NOW,
    log: listeningLog(logged),
    everyMs: 5,
  });
  onTestFinished(() => feed.stop());
  return { feed, revocations, told, logged };
}

describe('following the log of revocations', () => {
  it('[H3] takes what stands at the start, and tells of what comes, once', async () => {
    const ledger = new Ledger();
    ledger.add(1, 'ban', 'ann');
    ledger.add(2, 'disconnect', 'ben');
    const { feed, revocations, told } = stage(ledger);
    expect(feed.ready).toBe(false);
    await feed.start();
    expect(feed.ready).toBe(true);
    expect(revocations.banOf('ann', NOW)).toBeDefined();
    ledger.add(4, 'disconnect', 'ann');
    await expect.poll(() => told).toEqual(['disconnect ann']);
    // Its transaction was begun before that of 4, and ended after it.
    ledger.add(3, 'login', 'late');
    const { looks } = ledger;
    await expect.poll(() => ledger.looks).toBeGreaterThan(looks + 3);
    expect(told).toEqual(['disconnect ann', 'login late']);
  });

  it('[H3] holds what is known while the log is away, and makes good what was missed', async () => {
    const ledger = new Ledger();
    ledger.add(1, 'ban', 'ann');
    const { feed, revocations, told, logged } = stage(ledger);
    await feed.start();
    ledger.away = true;
    await expect.poll(() => logged.length).toBe(1);
    ledger.add(2, 'ban', 'ben');
    expect([revocations.banOf('ann', NOW), revocations.banOf('ben', NOW), feed.ready]).toEqual([expect.any(Object), undefined, true]);
    ledger.away = false;
    await expect.poll(() => revocations.banOf('ben', NOW)).toBeDefined();
    expect(told).toEqual(['ban ben']);
    expect(logged).toEqual([expect.stringMatching(/^revocations cannot be read/), 'revocations are read again']);
  });

  it('[H3] is not ready before it was read once, and lets nobody in before', async () => {
    const ledger = new Ledger();
    ledger.away = true;
    const { feed, revocations } = stage(ledger);
    await feed.start();
    expect(feed.ready).toBe(false);
    const secret = new SharedSecret('a secret that is long enough for HS256');
    const gate = new TokenGate({ verifier: new TokenVerifier({ secret }), revocations, feed, now: () => NOW });
    const token = new TokenSigner({ key: secret, now: () => NOW }).sign({
      userId: 'ann',
      name: 'Ann',
      kind: 'user',
      expiresAt: NOW / 1000 + 60,
    });
    expect(() => gate.verifyLocal(token)).toThrow(expect.objectContaining({ code: 'UNAVAILABLE' }));
    expect(() => gate.verifyLocal('x')).toThrow(expect.objectContaining({ code: 'TOKEN_EXPIRED' }));
    ledger.away = false;
    await expect.poll(() => feed.ready).toBe(true);
    expect(gate.verifyLocal(token)).toMatchObject({ userId: 'ann' });
    await expect(gate.verify(token)).resolves.toMatchObject({ userId: 'ann' });
    ledger.add(1, 'ban', 'ann');
    await feed.refresh();
    expect(() => gate.verifyLocal(token)).toThrow(expect.objectContaining({ code: 'BANNED' }));
    await expect(gate.verify(token)).rejects.toMatchObject({ code: 'BANNED' });
  });

  it('[A11] tells of an entry that ended before it was read: connections may be open that it should have closed', async () => {
    const ledger = new Ledger();
    const { feed, revocations, told } = stage(ledger);
    await feed.start();
    ledger.add(1, 'disconnect', 'ann', NOW - 3_600_000);
    ledger.add(2, 'ban', 'ben', NOW - 1);
    await expect.poll(() => told).toEqual(['disconnect ann', 'ban ben']);
    expect(revocations.size).toBe(0);
  });

  it('[H3] looks no more once it is stopped', async () => {
    const ledger = new Ledger();
    const { feed } = stage(ledger);
    await feed.start();
    await feed.stop();
    const { looks } = ledger;
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(ledger.looks).toBe(looks);
  });
});
