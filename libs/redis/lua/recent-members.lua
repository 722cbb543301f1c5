-- Reads the members of a set that have not ended.
-- KEYS[1]  sorted set: members by their end, Unix milliseconds
-- ARGV[1]  now, Unix milliseconds
-- Reply: the members
return redis.call('ZRANGEBYSCORE', KEYS[1], '(' .. ARGV[1], '+inf')
