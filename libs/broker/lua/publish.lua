-- Publishes to the log of a room that keeps a stream, atomically: idempotency check, next offset,
-- stream, channel.
--
-- KEYS  1 meta  2 stream  3 channel  4 idempotency key (absent: no key is remembered)
--       of an event that is no message (EVENT 1), before the key: 4 mark: there may be events
-- ARGV  of an event that is no message, before the others: the offset of its target and the version
--       of the target's state; 0 for none
--       1 tail of the frame  2 publisher's stamp (ms)
--       3 new epoch, 16 characters, used if the sequence is new or another server wrote it
--       without an archive: 4 run_id (40 characters)
--       with an archive: 4 the expected epoch
--                        5 if 1, ignores an earlier publication under the key
--                        6 floor: the offset is higher than this  7 run_id
-- Constants  EVENT: 1 for events that are no messages  PUBLISH: PUBLISH or SPUBLISH  STREAM_LENGTH
--            STREAM_AGE (ms)  META_LIFE (ms), longer than STREAM_AGE  KEY_LIFE (ms)
-- Reply {offset, epoch}; for an earlier publication under the same key {offset, epoch, stamp}.
-- This script never begins the sequence of a room with an archive, and ignores a key of an earlier
-- epoch: the archive knows it. If the epoch is not the expected one, nothing is published and the
-- reply is {0, epoch} ('' for none).
--
-- The meta string is epoch (16), run_id (40), Unix second of the last upkeep by the publisher's
-- stamp (10), offset. Another server than the one in meta may have older data: the epoch changes,
-- the offset continues.
-- Entry ids are <offset>-<stamp>, so that XRANGE works by offset. A message has the field f; an
-- event that is no message has f, t (target) and v (version). Upkeep (lives, age) runs every 60th
-- of the age.
local target, version, mark
if EVENT == 1 then
  target, version, mark = table.remove(ARGV, 1), table.remove(ARGV, 1), table.remove(KEYS, 4)
end
local meta = redis.call('GET', KEYS[1])
local archived = ARGV[7] ~= nil
local run_id = ARGV[7] or ARGV[4]
local epoch, upkept, offset = ARGV[3], 0, 1
if archived then
  local present = meta and string.sub(meta, 17, 56) == run_id and string.sub(meta, 1, 16) or ''
  if present == '' or present ~= ARGV[4] then
    return { 0, present }
  end
end
if meta then
  offset = string.sub(meta, 67) + 1
  if string.sub(meta, 17, 56) == run_id then
    epoch = string.sub(meta, 1, 16)
    upkept = string.sub(meta, 57, 66) + 0
  end
else
  redis.call('UNLINK', KEYS[2])
end
if archived then
  offset = math.max(offset, ARGV[6] + 1)
end
local digits = string.format('%d', offset)
if KEYS[4] then
  local place = epoch .. string.format('%013d', ARGV[2]) .. digits
  local first = redis.call('SET', KEYS[4], place, 'NX', 'GET', 'PX', KEY_LIFE)
  if first then
    if not archived or (ARGV[5] ~= '1' and string.sub(first, 1, 16) == epoch) then
      return { tonumber(string.sub(first, 30)), string.sub(first, 1, 16), tonumber(string.sub(first, 17, 29)) }
    end
    redis.call('SET', KEYS[4], place, 'PX', KEY_LIFE)
  end
end
local frame = '{"offset":' .. digits .. ',' .. ARGV[1]
local id = digits .. '-' .. ARGV[2]
if EVENT == 1 then
  redis.call('XADD', KEYS[2], 'MAXLEN', '~', STREAM_LENGTH, id, 'f', frame, 't', target, 'v', version)
  redis.call('SET', mark, '1', 'PX', META_LIFE)
else
  redis.call('XADD', KEYS[2], 'MAXLEN', '~', STREAM_LENGTH, id, 'f', frame)
end
local second = math.floor(ARGV[2] / 1000)
if math.abs(second - upkept) * 60000 < STREAM_AGE then
  redis.call('SET', KEYS[1], string.sub(meta, 1, 66) .. digits, 'KEEPTTL')
else
  redis.call('SET', KEYS[1], epoch .. run_id .. string.format('%010d', second) .. digits, 'PX', META_LIFE)
  redis.call('PEXPIRE', KEYS[2], math.floor(STREAM_AGE * 61 / 60))
  -- Entries are in the order of their stamps, apart from clock skew. A binary search finds the
  -- first one that is young enough.
  local time = redis.call('TIME')
  local cutoff = time[1] * 1000 - STREAM_AGE
  local low, high = 1, offset
  while low < high do
    local middle = math.floor((low + high) / 2)
    local entry = redis.call('XRANGE', KEYS[2], string.format('%d', middle), '+', 'COUNT', 1)[1]
    local at, stamp = string.match(entry[1], '^(%d+)-(%d+)$')
    if stamp + 0 < cutoff then
      low = math.min(at + 1, high)
    else
      high = middle
    end
  end
  redis.call('XTRIM', KEYS[2], 'MINID', string.format('%d', low))
end
redis.call(PUBLISH, KEYS[3], frame)
return { offset, epoch }
