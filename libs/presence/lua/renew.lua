-- Takes or renews a node's lease, and looks for leases that have expired.
--
-- Leases are a sorted set, node -> expiry in ms of Redis time, with two more members. `since` is
-- when the set was made: a node sees by it that Redis lost the set meanwhile. `beat` is when any
-- node last renewed. If nobody renewed for longer than the grace, Redis itself was away, because
-- every node renews more often than that. If the clock went back, another server took over. In both
-- cases expiry says nothing about the nodes, and all get a full lease.
--
-- KEYS: 1 leases, 2 tombstones of the leases' shard
-- ARGV: 1 node, 2 'take' or 'keep', 3 lease ms, 4 grace ms, 5 `since` as known to the node that
--       keeps its lease, 6... nodes that get a lease, unless they have one or were reaped
-- Reply: {'held', now ms, since, {all nodes with a lease}, {those expired}}. If a lease to 'keep'
--        is not there: {'reaped'} if there is a tombstone, else {'lost'}: Redis lost it
if redis.call('ZSCORE', KEYS[2], ARGV[1]) then return { 'reaped' } end
local since = redis.call('ZSCORE', KEYS[1], 'since')
if ARGV[2] == 'keep' and (since ~= ARGV[5] or not redis.call('ZSCORE', KEYS[1], ARGV[1])) then return { 'lost' } end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local expiry = string.format('%.0f', now + ARGV[3])
since = since or string.format('%.0f', now)
local beat = tonumber(redis.call('ZSCORE', KEYS[1], 'beat') or now)
if now - beat > tonumber(ARGV[4]) or beat > now then
  for _, node in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do redis.call('ZADD', KEYS[1], expiry, node) end
end
for i = 6, #ARGV do
  if not redis.call('ZSCORE', KEYS[2], ARGV[i]) then redis.call('ZADD', KEYS[1], 'NX', expiry, ARGV[i]) end
end
redis.call('ZADD', KEYS[1], expiry, ARGV[1], string.format('%.0f', now), 'beat', since, 'since')
local all, expired = {}, {}
local leases = redis.call('ZRANGE', KEYS[1], 0, -1, 'WITHSCORES')
for i = 1, #leases, 2 do
  if leases[i] ~= 'beat' and leases[i] ~= 'since' then
    all[#all + 1] = leases[i]
    if tonumber(leases[i + 1]) <= now then expired[#expired + 1] = leases[i] end
  end
end
return { 'held', now, since, all, expired }
