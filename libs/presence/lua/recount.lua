-- Tells a room's count without naming anyone (`~=<count>`): after a silent restore.
--
-- KEYS: 1 the room's users, 2 the channel announced on
-- ARGV: 1 PUBLISH or SPUBLISH
-- Reply: distinct users in the room
local count = redis.call('HLEN', KEYS[1])
redis.call(ARGV[1], KEYS[2], '~=' .. count)
return count
