import { describe, expect, it, onTestFinished } from 'vitest';
import { RevocationFeed } from '#libs/auth/revocation-feed.ts';
import { type Revocation, Revocations } from '#libs/auth/revocations.ts';
import { SharedSecret } from '#libs/auth/shared-secret.ts';
import { TokenGate } from '#libs/auth/token-gate.ts';
import { TokenSigner } from '#libs/auth/token-signer.ts';
import { TokenVerifier } from '#libs/auth/token-verifier.ts';
import { HubError } from '#libs/protocol/errors.ts';
import { listeningLog } from '#test/support/api-world.ts';

const NOW = 1_700_000_000_000;

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
    ledger.add(2, 'disconnect', 'ben', NOW);
    const { feed, revocations, told } = stage(ledger);
    expect(feed.ready).toBe(false);
    await feed.start();
    expect(feed.ready).toBe(true);
    expect(revocations.isBanned('ann', NOW)).toBe(true);
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
    expect([revocations.isBanned('ann', NOW), revocations.isBanned('ben', NOW), feed.ready]).toEqual([true, false, true]);
    ledger.away = false;
    await expect.poll(() => revocations.isBanned('ben', NOW)).toBe(true);
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
    expect(() => gate.verify(token)).toThrow(expect.objectContaining({ code: 'UNAVAILABLE' }));
    expect(() => gate.verify('x')).toThrow(expect.objectContaining({ code: 'TOKEN_EXPIRED' }));
    ledger.away = false;
    await expect.poll(() => feed.ready).toBe(true);
    expect(gate.verify(token)).toMatchObject({ userId: 'ann' });
    ledger.add(1, 'ban', 'ann');
    await feed.refresh();
    expect(() => gate.verify(token)).toThrow(expect.objectContaining({ code: 'TOKEN_EXPIRED' }));
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
