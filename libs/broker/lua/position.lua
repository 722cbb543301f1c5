-- Reads the position of a room's sequence and keeps it from expiring. Begins a new epoch if the
-- sequence is new or another server wrote it.
--
-- KEYS  1 meta  2 stream
-- ARGV  1 new epoch, 16 characters; empty: no epoch may begin here
--       2 floor: the lowest offset at which a new sequence may stand
--       3 run_id (40 characters)
-- Constants  META_LIFE (ms)  EMPTY_LIFE (ms): the life of a room without a publication
-- Reply {epoch, offset}; {'', 0} if an epoch is needed and may not begin
local meta = redis.call('GET', KEYS[1])
local epoch, offset = ARGV[1], ARGV[2]
if meta then
  offset = string.format('%d', math.max(string.sub(meta, 67) + 0, ARGV[2] + 0))
  if string.sub(meta, 17, 56) == ARGV[3] then
    redis.call('PEXPIRE', KEYS[1], string.sub(meta, 67) == '0' and EMPTY_LIFE or META_LIFE)
    return { string.sub(meta, 1, 16), tonumber(string.sub(meta, 67)) }
  end
end
if epoch == '' then
  return { '', 0 }
end
if not meta then
  redis.call('UNLINK', KEYS[2])
end
redis.call('SET', KEYS[1], epoch .. ARGV[3] .. '0000000000' .. offset, 'PX', offset == '0' and EMPTY_LIFE or META_LIFE)
return { epoch, tonumber(offset) }
