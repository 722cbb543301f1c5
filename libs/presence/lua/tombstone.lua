-- Marks a claimed node as reaped in one more shard of a Cluster, so that scripts refuse its late
-- writes there.
--
-- KEYS: 1 the shard's tombstones
-- ARGV: 1 node, 2 ms that tombstones are kept
-- Reply: 1
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('ZADD', KEYS[1], string.format('%.0f', now), ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', string.format('(%.0f', now - ARGV[2]))
return 1
