-- Takes a user out of a room on one node. If it was the last one, the user has left the room, and
-- a `left` signal announces that. Does nothing if the user is not there.
--
-- KEYS: 1 the room's users, 2 the node's (room, user) pairs, 3 the channel announced on,
--       4 the shard's occupied rooms, 5 the shard's edges
-- ARGV: 1 node, 2 room, 3 user id, 4 PUBLISH or SPUBLISH
-- Constants: LEFT, the head of that signal: `<head><count> <user json>`; EDGES_MAX, as in
--            connect.lua
-- Reply: distinct users in the room
redis.call('SREM', KEYS[2], ARGV[2] .. ' ' .. ARGV[3])
local value = redis.call('HGET', KEYS[1], ARGV[3])
if not value then return redis.call('HLEN', KEYS[1]) end
local nodes, json = string.match(value, '^([^{]*)(.*)$')
local from, to = string.find(' ' .. nodes, ' ' .. ARGV[1] .. ' ', 1, true)
if not from then return redis.call('HLEN', KEYS[1]) end
local rest = string.sub(nodes, 1, from - 1) .. string.sub(nodes, to)
if rest ~= '' then
  redis.call('HSET', KEYS[1], ARGV[3], rest .. json)
  return redis.call('HLEN', KEYS[1])
end
redis.call('HDEL', KEYS[1], ARGV[3])
local count = redis.call('HLEN', KEYS[1])
if count == 0 and redis.call('SREM', KEYS[4], ARGV[2]) == 1 and redis.call('EXISTS', KEYS[5]) == 1 then
  redis.call('XADD', KEYS[5], 'MAXLEN', '~', EDGES_MAX, '*', '-', 'r:' .. ARGV[2])
end
redis.call(ARGV[4], KEYS[3], LEFT .. count .. ' ' .. json)
return count
