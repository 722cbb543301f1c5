-- Sends a room's count without naming anyone, in a `counted` signal: after a silent restore.
--
-- KEYS: 1 the room's users, 2 the channel announced on
-- ARGV: 1 PUBLISH or SPUBLISH
-- Constant: COUNTED, the head of that signal: `<head><count>`
-- Reply: distinct users in the room
local count = redis.call('HLEN', KEYS[1])
redis.call(ARGV[1], KEYS[2], COUNTED .. count)
return count
