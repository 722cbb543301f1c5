-- Removes one connection of a user, atomically with the user's going offline. Does nothing if it is not there.
--
-- KEYS: 1 the user's connections, 2 the shard's online users, 3 the node's connections
-- ARGV: 1 node, 2 connection id, 3 user id
-- Reply: users online in the shard
redis.call('HDEL', KEYS[1], ARGV[1] .. '.' .. ARGV[2])
redis.call('SREM', KEYS[3], ARGV[2] .. ' ' .. ARGV[3])
if redis.call('EXISTS', KEYS[1]) == 0 then redis.call('SREM', KEYS[2], ARGV[3]) end
return redis.call('SCARD', KEYS[2])
