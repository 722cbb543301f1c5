import { expect, it } from 'vitest';
import { countHold } from '#libs/presence/restorer.ts';
import { RECONNECT_PAUSE_MAX_MS, reconnectPause } from '#libs/redis/redis-clients.ts';

it('[P3] the count is held for longer than any node pauses before it connects again', () => {
  const pauses = Array.from({ length: 40 }, (_, i) => reconnectPause(i + 1, 1));
  expect(Math.max(...pauses)).toBe(RECONNECT_PAUSE_MAX_MS);
  expect(pauses[0]).toBe(100);
  expect(reconnectPause(1, 0)).toBe(50);
  for (const renewMs of [100, 600, 2000]) expect(countHold(renewMs)).toBeGreaterThanOrEqual(Math.max(...pauses) + 500);
  expect(countHold(20_000)).toBe(10_000);
});
