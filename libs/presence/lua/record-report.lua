-- Records what an observer reported, if it still holds the shard.
--
-- KEYS: 1 observer, 2 reported
-- ARGV: 1 holder, 2 position, or '' if it did not move, 3 'release' to give the shard to the next
--       observer who reads, else '', 4 how many subjects came, 5... these, then those that went
-- Reply: 1 recorded; 0 another one holds the shard, nothing was done
if redis.call('HGET', KEYS[1], 'holder') ~= ARGV[1] then return 0 end
local came = tonumber(ARGV[4])
if came > 0 then redis.call('SADD', KEYS[2], unpack(ARGV, 5, 4 + came)) end
if #ARGV > 4 + came then redis.call('SREM', KEYS[2], unpack(ARGV, 5 + came)) end
if ARGV[2] ~= '' then redis.call('HSET', KEYS[1], 'position', ARGV[2]) end
if ARGV[3] == 'release' then redis.call('HDEL', KEYS[1], 'until') end
return 1
