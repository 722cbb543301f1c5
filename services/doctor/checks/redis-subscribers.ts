import { advice, type Check, holds, unknown } from '../check.ts';

/** Redis's own default for pub/sub: a node that pauses for a second stays subscribed at 32 MiB/s. */
const HARD_BYTES = 33_554_432;
const SOFT_BYTES = 8_388_608;

/** The output buffers of subscribers: Redis cuts off a node that reads more slowly than they allow. */
export const redisSubscribers: Check = {
  name: 'Redis subscribers',
  async run(patient) {
    const masters = (await patient.redis()) ?? [];
    return masters.map(({ address, subscriberLimit }) => {
      if (subscriberLimit === undefined)
        return unknown(
          `Redis ${address}: this user may not run CONFIG GET, so the output buffers of subscribers were not seen.`,
          'Run the doctor once with an administrator in REDIS_URL, or ask: CONFIG GET client-output-buffer-limit.',
        );
      const { hardBytes, softBytes, softSeconds } = subscriberLimit;
      const text = `Redis ${address} lets a subscriber owe ${hardBytes} bytes, or ${softBytes} for ${softSeconds} s`;
      const todo = `Set client-output-buffer-limit "pubsub ${HARD_BYTES} ${SOFT_BYTES} 60".`;
      if (hardBytes === 0) return advice(`${text}: a node that stands still fills the memory of Redis.`, todo);
      if (hardBytes < HARD_BYTES || (softBytes > 0 && softBytes < SOFT_BYTES))
        return advice(`${text}: it cuts off a node that pauses for a moment under load, which then reads every room again.`, todo);
      return holds(`${text}.`);
    });
  },
};
