-- Removes one connection of a user, atomically with the user's going offline. Does nothing if it is
-- not there.
--
-- KEYS: 1 the user's connections, 2 the shard's online users, 3 the node's connections,
--       4 the shard's edges
-- ARGV: 1 node, 2 connection id, 3 user id
-- Constant: EDGES_MAX, as in connect.lua
-- Reply: users online in the shard
redis.call('HDEL', KEYS[1], ARGV[1] .. '.' .. ARGV[2])
redis.call('SREM', KEYS[3], ARGV[2] .. ' ' .. ARGV[3])
if redis.call('EXISTS', KEYS[1]) == 0 and redis.call('SREM', KEYS[2], ARGV[3]) == 1 and redis.call('EXISTS', KEYS[4]) == 1 then
  redis.call('XADD', KEYS[4], 'MAXLEN', '~', EDGES_MAX, '*', '-', 'u:' .. ARGV[3])
end
return redis.call('SCARD', KEYS[2])
