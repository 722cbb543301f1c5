-- Claims a node for removal: writes its tombstone, then extends its lease. So one reaper works at a
-- time, and another one takes over if that reaper dies.
--
-- KEYS: 1 leases, 2 tombstones of the leases' shard
-- ARGV: 1 node
--       2 'expired': only if its lease ran out; 'own': always, the caller's own id; 'hold': extends
--         a claim
--       3 claim ms, 4 grace ms as in renew.lua, 5 ms that tombstones are kept
-- Reply: 1 claimed; 0 not: the lease is held, claimed by another, or gone
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local score = tonumber(redis.call('ZSCORE', KEYS[1], ARGV[1]) or nil)
if ARGV[2] ~= 'own' and not score then return 0 end
if ARGV[2] == 'expired' then
  local beat = tonumber(redis.call('ZSCORE', KEYS[1], 'beat') or 0)
  if score > now or now - beat > tonumber(ARGV[4]) or beat > now then return 0 end
end
local stamp = string.format('%.0f', now)
redis.call('ZADD', KEYS[2], stamp, ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', string.format('(%.0f', now - ARGV[5]))
redis.call('ZADD', KEYS[1], string.format('%.0f', now + ARGV[3]), ARGV[1])
return 1
