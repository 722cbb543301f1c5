-- Removes a batch of (room, user) pairs of a node that has a tombstone. Skips pairs that another
-- reaper removed. Announces each user who left a room by it (a `left` signal), or only the new
-- count of each room (a `counted` signal).
--
-- KEYS: 1 the node's (room, user) pairs, 2 the shard's occupied rooms, 3 the shard's edges,
--       then for each room: its users, the channel announced on
-- ARGV: 1 node, 2 PUBLISH or SPUBLISH, 3 'left' or 'counted': the signals to send;
--       then for each room: its name, the number of its users here, their ids
-- Constants: LEFT, COUNTED: the heads of those signals: `<head><count> <user json>`,
--            `<head><count>`; EDGES_MAX, as in connect.lua
-- Reply: how many users left a room
local node, publish, announce = ARGV[1], ARGV[2], ARGV[3]
local left = 0
local at = 4
local key = 4
while at <= #ARGV do
  local room, count = ARGV[at], tonumber(ARGV[at + 1])
  local users, channel = KEYS[key], KEYS[key + 1]
  local gone = 0
  for i = at + 2, at + 1 + count do
    local user = ARGV[i]
    redis.call('SREM', KEYS[1], room .. ' ' .. user)
    local value = redis.call('HGET', users, user)
    if value then
      local nodes, json = string.match(value, '^([^{]*)(.*)$')
      local from, to = string.find(' ' .. nodes, ' ' .. node .. ' ', 1, true)
      if from then
        local rest = string.sub(nodes, 1, from - 1) .. string.sub(nodes, to)
        if rest == '' then
          redis.call('HDEL', users, user)
          gone = gone + 1
          if announce == 'left' then redis.call(publish, channel, LEFT .. redis.call('HLEN', users) .. ' ' .. json) end
        else
          redis.call('HSET', users, user, rest .. json)
        end
      end
    end
  end
  if announce == 'counted' and gone > 0 then redis.call(publish, channel, COUNTED .. redis.call('HLEN', users)) end
  if gone > 0 and redis.call('EXISTS', users) == 0 and redis.call('SREM', KEYS[2], room) == 1 and redis.call('EXISTS', KEYS[3]) == 1 then
    redis.call('XADD', KEYS[3], 'MAXLEN', '~', EDGES_MAX, '*', '-', 'r:' .. room)
  end
  left = left + gone
  at = at + 2 + count
  key = key + 2
end
return left
