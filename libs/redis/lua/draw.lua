-- Draws tokens from a bucket that fills at a steady rate: the generic cell rate algorithm (GCRA).
-- It stores the time at which the bucket is full again.
--
-- KEYS  1 bucket, a string: the millisecond at which it is full
-- ARGV  1 least tokens  2 most tokens  3 tokens a second  4 tokens of a full bucket
-- Reply {drawn, 0}, or {0, milliseconds until the bucket has the least tokens}
local rate, burst = ARGV[3] / 1000, ARGV[4] + 0
local time = redis.call('TIME')
local now = time[1] * 1000 + time[2] / 1000
local full = tonumber(redis.call('GET', KEYS[1]) or now)
-- If the clock went back, no wait is longer than the time that fills an empty bucket.
full = math.min(math.max(full, now), now + burst / rate)
local there = burst - (full - now) * rate
local drawn = math.min(math.floor(there), ARGV[2] + 0)
if drawn < ARGV[1] + 0 then
  return { 0, math.ceil((ARGV[1] - there) / rate) }
end
full = full + drawn / rate
redis.call('SET', KEYS[1], string.format('%.3f', full), 'PX', math.max(1, math.ceil(full - now)))
return { drawn, 0 }
