-- Counts tries in a window. The window begins with its first try.
-- KEYS[1]  string: the count of the window
-- ARGV[1]  tries to add
-- ARGV[2]  length of the window, seconds
-- Reply: { tries counted in the window, milliseconds until it ends }
redis.call('SET', KEYS[1], 0, 'EX', ARGV[2], 'NX')
local count = redis.call('INCRBY', KEYS[1], ARGV[1])
local left = redis.call('PTTL', KEYS[1])
if left < 0 then
  redis.call('EXPIRE', KEYS[1], ARGV[2])
  left = 1000 * ARGV[2]
end
return { count, left }
