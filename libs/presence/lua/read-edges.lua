-- Holds the edges of a shard for one observer, and reads those after a position. The edges exist
-- only while somebody reads them: without a reader they expire, and the scripts that change
-- presence add none.
--
-- The entry at the position is read again. If it is gone, entries after it may be gone, too: the
-- position moves to a new entry at the end.
--
-- KEYS: 1 observer, 2 edges, 3 reported
-- ARGV: 1 holder, 2 ms that the hold lasts, 3 position, or '' for the recorded one, 4 edges at
--       most, 5 ms that edges live without a reader, 6 ms that the observer's own keys do
-- Constant: EDGES_MAX, as in connect.lua
-- Reply: {'busy', ms that another one holds the shard}; else {'held', now ms, who held it before:
--        '' if nobody did, 1 if no edge is missing, position before the first edge, entries}
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local known = redis.call('HMGET', KEYS[1], 'holder', 'until', 'position')
local before = known[1] or ''
local left = tonumber(known[2] or 0) - now
-- The clock of another server may be behind: no hold is longer than one that is taken now.
if before ~= '' and before ~= ARGV[1] and left > 0 and left <= tonumber(ARGV[2]) then return { 'busy', left } end
redis.call('HSET', KEYS[1], 'holder', ARGV[1], 'until', string.format('%.0f', now + ARGV[2]))
local position = ARGV[3]
if position == '' then position = known[3] or '' end
local entries = {}
if position ~= '' then entries = redis.call('XRANGE', KEYS[2], position, '+', 'COUNT', ARGV[4] + 1) end
local whole = entries[1] and entries[1][1] == position
if whole then
  table.remove(entries, 1)
else
  position = redis.call('XADD', KEYS[2], 'MAXLEN', '~', EDGES_MAX, '*', 'start', '')
  entries = {}
end
redis.call('PEXPIRE', KEYS[2], ARGV[5])
redis.call('PEXPIRE', KEYS[1], ARGV[6])
redis.call('PEXPIRE', KEYS[3], ARGV[6])
return { 'held', now, before, whole and 1 or 0, position, entries }
