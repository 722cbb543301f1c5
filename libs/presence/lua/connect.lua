-- Registers one connection of a user, atomically with the user's coming online.
--
-- In single-session mode (ARGV[4] given) logins are numbered in order of first sight, by Redis time
-- in ms. A new login becomes the newest and is announced by a `login` signal. An older one is
-- refused. A restore (ARGV[6] not empty) is never refused: its connections are open. If Redis came
-- back with older data and does not know the login of a restore, the login gets the number of the
-- node's last good renewal: older than any login first seen since, newer than any seen before. If
-- it is not the newest, the newest is announced again.
--
-- KEYS: 1 tombstones, 2 the user's connections, 3 the shard's online users, 4 the node's
--       connections, 5 the shard's edges; single-session: 6 the user's logins, 7 the user's channel
-- ARGV: 1 node, 2 connection id, 3 user id; single-session: 4 login, 5 PUBLISH or SPUBLISH,
--       6 '' or the number for an unknown login of a restore
-- Constants: NEW_LOGIN, the head of that signal; EDGES_MAX, the edges that are kept, about
-- Reply: users online in the shard; -1 the node was reaped, nothing was registered; -2 a newer
--        login exists, nothing was registered
if redis.call('ZSCORE', KEYS[1], ARGV[1]) then return -1 end
local login = ARGV[4]
if login then
  local logins = KEYS[6]
  local restore = ARGV[6] ~= ''
  local newest = redis.call('ZRANGE', logins, -1, -1, 'WITHSCORES')
  if newest[1] ~= login then
    if not redis.call('ZSCORE', logins, login) then
      local number = tonumber(ARGV[6])
      if not restore then
        local time = redis.call('TIME')
        number = time[1] * 1000 + math.floor(time[2] / 1000)
        if newest[2] and tonumber(newest[2]) >= number then number = newest[2] + 1 end
      end
      redis.call('ZADD', logins, string.format('%.0f', number), login)
      redis.call('ZREMRANGEBYRANK', logins, 0, -101)
      redis.call(ARGV[5], KEYS[7], NEW_LOGIN .. redis.call('ZRANGE', logins, -1, -1)[1])
    elseif restore then
      redis.call(ARGV[5], KEYS[7], NEW_LOGIN .. newest[1])
    else
      return -2
    end
  end
  redis.call('PEXPIRE', logins, 2592000000)
end
if redis.call('HSET', KEYS[2], ARGV[1] .. '.' .. ARGV[2], '') == 1 then
  if redis.call('SADD', KEYS[3], ARGV[3]) == 1 and redis.call('EXISTS', KEYS[5]) == 1 then
    redis.call('XADD', KEYS[5], 'MAXLEN', '~', EDGES_MAX, '*', '+', 'u:' .. ARGV[3])
  end
  redis.call('SADD', KEYS[4], ARGV[2] .. ' ' .. ARGV[3])
end
return redis.call('SCARD', KEYS[3])
