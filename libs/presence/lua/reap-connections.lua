-- Removes a batch of connections of a node that has a tombstone. Skips entries that another reaper
-- removed.
--
-- KEYS: 1 the shard's online users, 2 the node's connections, 3 the shard's edges,
--       4... for each entry its user's connections
-- ARGV: 1 node, 2... the entries of the node's connections: `<connection id> <user id>`
-- Constant: EDGES_MAX, as in connect.lua
-- Reply: how many were removed here
local removed = 0
for i = 2, #ARGV do
  local space = string.find(ARGV[i], ' ', 1, true)
  local key = KEYS[i + 2]
  removed = removed + redis.call('HDEL', key, ARGV[1] .. '.' .. string.sub(ARGV[i], 1, space - 1))
  local user = string.sub(ARGV[i], space + 1)
  if redis.call('EXISTS', key) == 0 and redis.call('SREM', KEYS[1], user) == 1 and redis.call('EXISTS', KEYS[3]) == 1 then
    redis.call('XADD', KEYS[3], 'MAXLEN', '~', EDGES_MAX, '*', '-', 'u:' .. user)
  end
end
redis.call('SREM', KEYS[2], unpack(ARGV, 2))
return removed
