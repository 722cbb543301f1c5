-- Reads a page of a room's stream, with the position of its sequence (as position.lua).
--
-- KEYS  1 meta  2 stream
-- ARGV  1 new epoch, 16 characters; empty: no epoch may begin here  2 XRANGE (oldest first) or XREVRANGE (newest first)  3 first offset, or +
--       4 at most so many; XREVRANGE counts messages only  5 at most so many bytes, yet always one
--       6 floor: the lowest offset a new sequence may stand at  7 run_id (40 characters)
-- Constants  META_LIFE (ms)  EMPTY_LIFE (ms): the life of a room without a publication
-- Reply {epoch, offset, 1 if there are more in that direction else 0, frame...}. XREVRANGE gives of an event that is no
-- message, and that changes nothing or less than a newer one, its head alone. If an epoch is needed and may not begin:
-- {'', 0, 1} if the room has one of another server, {'', 0, 0} if it has none
local meta = redis.call('GET', KEYS[1])
local epoch, offset = ARGV[1], ARGV[6]
local known = meta and string.sub(meta, 17, 56) == ARGV[7]
if known then
  epoch, offset = string.sub(meta, 1, 16), string.sub(meta, 67)
  redis.call('PEXPIRE', KEYS[1], offset == '0' and EMPTY_LIFE or META_LIFE)
elseif epoch == '' then
  return { '', 0, meta and 1 or 0 }
else
  if meta then
    offset = string.format('%d', math.max(string.sub(meta, 67) + 0, ARGV[6] + 0))
  else
    redis.call('UNLINK', KEYS[2])
  end
  redis.call('SET', KEYS[1], epoch .. ARGV[7] .. '0000000000' .. offset, 'PX', offset == '0' and EMPTY_LIFE or META_LIFE)
end
local reply = { epoch, tonumber(offset), 0 }
local from, to = ARGV[3], ARGV[2] == 'XRANGE' and '+' or '-'
local count, room, some = ARGV[4] + 0, ARGV[5] + 0, false
local versions = {}
while true do
  -- In batches of 16: a page of large frames ends after a few.
  local entries = redis.call(ARGV[2], KEYS[2], from, to, 'COUNT', math.min(count + 1, 16))
  if #entries == 0 then
    return reply
  end
  for _, entry in ipairs(entries) do
    local frame, target = entry[2][2], to == '-' and entry[2][4]
    if target then
      local version = entry[2][6] + 0
      if version > (versions[target] or 0) then
        versions[target] = version
      else
        frame = string.match(frame, '^{"offset":%d+,')
      end
    end
    if count == 0 or (#frame > room and some) then
      reply[3] = 1
      return reply
    end
    reply[#reply + 1] = frame
    room = room - #frame
    if not target then
      count, some = count - 1, true
    end
  end
  from = '(' .. entries[#entries][1]
end
