-- Reads a page of a room's stream, with the position of its sequence (as position.lua).
--
-- KEYS  1 meta  2 stream  3 mark: there may be events that are no messages
-- ARGV  1 new epoch, 16 characters; empty: no epoch may begin here
--       2 XRANGE (oldest first) or XREVRANGE (newest first)
--       3 first offset, or +
--       4 the most entries; XREVRANGE counts messages only
--       5 the most bytes; a page has at least one entry
--       6 floor: the lowest offset at which a new sequence may stand
--       7 run_id (40 characters)
-- Constants  META_LIFE (ms)  EMPTY_LIFE (ms): the life of a room without a publication
-- Reply {epoch, offset, more, n, n frames, frame...}. `more` is 1 if the stream has more in that
-- direction, otherwise 0. XREVRANGE returns only the head of an event that is no message. After the
-- n frames it returns the events with the latest states of the page's messages, also events above
-- the first offset. If the bytes allow, it also returns those of messages below the page: a store
-- may have these messages. If an epoch is needed and may not begin: {'', 0, 1} if the room has an
-- epoch of another server, {'', 0, 0} if it has none.
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
local reply = { epoch, tonumber(offset), 0, 0 }
local newest = ARGV[2] == 'XREVRANGE'
local from, to, below = ARGV[3], newest and '-' or '+', math.huge
local count, room, some = ARGV[4] + 0, ARGV[5] + 0, false
local batch = math.min(count + 1, 16)
local marked = newest and redis.call('EXISTS', KEYS[3]) == 1
if marked then
  batch = 16
  if from ~= '+' then
    from, below = '+', from + 1
  end
end
local targets, states, versions, lowest = {}, {}, {}, math.huge
local function read()
  while true do
    -- In batches of 16: a page of large frames ends after a few.
    local entries = redis.call(ARGV[2], KEYS[2], from, to, 'COUNT', batch)
    if #entries == 0 then
      return
    end
    for _, entry in ipairs(entries) do
      local frame, target = entry[2][2], newest and entry[2][4]
      local place = (marked or target) and string.match(entry[1], '^%d+')
      if target then
        local version = entry[2][6] + 0
        if version > (versions[target] or 0) then
          if not states[target] then
            targets[#targets + 1] = target
          end
          versions[target], states[target] = version, frame
        end
        if place + 0 < below then
          reply[#reply + 1] = string.match(frame, '^{"offset":%d+,')
        end
      elseif not marked or place + 0 < below then
        local size = #(place and states[place] or frame)
        if count == 0 or (size > room and some) then
          reply[3] = 1
          return
        end
        reply[#reply + 1] = frame
        count, room, some = count - 1, room - size, true
        lowest = place and place + 0 or lowest
      end
    end
    from = '(' .. entries[#entries][1]
  end
end
read()
reply[4] = #reply - 4
for _, target in ipairs(targets) do
  local frame = states[target]
  if target + 0 >= lowest then
    reply[#reply + 1] = frame
  elseif #frame <= room then
    reply[#reply + 1] = frame
    room = room - #frame
  end
end
return reply
