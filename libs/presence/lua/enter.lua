-- Enters a user into a room on one node. A room's hash has for each user `<node> <node> <user
-- json>`: the nodes on which the user is in the room.
--
-- KEYS: 1 tombstones, 2 the room's users, 3 the node's (room, user) pairs, 4 the channel announced
--       on, 5 the shard's occupied rooms, 6 the shard's edges
-- ARGV: 1 node, 2 room, 3 user id, 4 user json, 5 PUBLISH or SPUBLISH, 6 'announce' to send an
--       `entered` signal for a user new in the room, else ''
-- Constants: ENTERED, the head of that signal: `<head><count> <user json>`; EDGES_MAX, as in
--            connect.lua
-- Reply: distinct users in the room; -1 the node was reaped, nothing was done
if redis.call('ZSCORE', KEYS[1], ARGV[1]) then return -1 end
local value = redis.call('HGET', KEYS[2], ARGV[3])
if value then
  local nodes = string.match(value, '^[^{]*')
  if not string.find(' ' .. nodes, ' ' .. ARGV[1] .. ' ', 1, true) then
    redis.call('HSET', KEYS[2], ARGV[3], nodes .. ARGV[1] .. ' ' .. ARGV[4])
    redis.call('SADD', KEYS[3], ARGV[2] .. ' ' .. ARGV[3])
  end
  return redis.call('HLEN', KEYS[2])
end
redis.call('HSET', KEYS[2], ARGV[3], ARGV[1] .. ' ' .. ARGV[4])
redis.call('SADD', KEYS[3], ARGV[2] .. ' ' .. ARGV[3])
local count = redis.call('HLEN', KEYS[2])
if count == 1 and redis.call('SADD', KEYS[5], ARGV[2]) == 1 and redis.call('EXISTS', KEYS[6]) == 1 then
  redis.call('XADD', KEYS[6], 'MAXLEN', '~', EDGES_MAX, '*', '+', 'r:' .. ARGV[2])
end
if ARGV[6] == 'announce' then redis.call(ARGV[5], KEYS[4], ENTERED .. count .. ' ' .. ARGV[4]) end
return count
