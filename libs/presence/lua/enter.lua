-- A user has entered a room on one node. A room's hash holds for each user `<node> <node> <user json>`: the nodes the user is there on.
--
-- KEYS: 1 tombstones, 2 the room's users, 3 the node's (room, user) pairs, 4 the channel announced on
-- ARGV: 1 node, 2 room, 3 user id, 4 user json, 5 PUBLISH or SPUBLISH, 6 'announce' to send an
--       `entered` signal for a user new in the room, else ''
-- Constant: ENTERED, the head of that signal: `<head><count> <user json>`
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
if ARGV[6] == 'announce' then redis.call(ARGV[5], KEYS[4], ENTERED .. count .. ' ' .. ARGV[4]) end
return count
