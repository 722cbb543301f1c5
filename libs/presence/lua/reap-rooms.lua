-- Removes a batch of (room, user) pairs of a node that has a tombstone. Each user who thereby left a room is announced once (`~-<count> <json>`), or,
-- silently, each room whose count changed (`~=<count>`). Pairs that another reaper removed meanwhile are passed over.
--
-- KEYS: 1 the node's (room, user) pairs, then for each room: its users, the channel announced on
-- ARGV: 1 node, 2 PUBLISH or SPUBLISH, 3 '-' announce or '=' silent, then for each room: its name, the number of its users here, their ids
-- Reply: how many users left a room
local node, publish, mode = ARGV[1], ARGV[2], ARGV[3]
local left = 0
local at = 4
local key = 2
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
          if mode == '-' then redis.call(publish, channel, '~-' .. redis.call('HLEN', users) .. ' ' .. json) end
        else
          redis.call('HSET', users, user, rest .. json)
        end
      end
    end
  end
  if mode == '=' and gone > 0 then redis.call(publish, channel, '~=' .. redis.call('HLEN', users)) end
  left = left + gone
  at = at + 2 + count
  key = key + 2
end
return left
