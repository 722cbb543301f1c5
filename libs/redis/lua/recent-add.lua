-- Adds a member to a set of the newest ones, drops those that have ended and those above the
-- limit, and lets the set expire with its last member.
-- KEYS[1]  sorted set: members by their end, Unix milliseconds
-- ARGV[1]  the member
-- ARGV[2]  its end, Unix milliseconds
-- ARGV[3]  the members that are kept at most
-- ARGV[4]  now, Unix milliseconds
-- Reply: nothing
redis.call('ZADD', KEYS[1], ARGV[2], ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', ARGV[4])
redis.call('ZREMRANGEBYRANK', KEYS[1], 0, -1 - ARGV[3])
local last = redis.call('ZRANGE', KEYS[1], -1, -1, 'WITHSCORES')
if last[2] then
  redis.call('PEXPIRE', KEYS[1], math.max(1, math.ceil(last[2] - ARGV[4])))
end
