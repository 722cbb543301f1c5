-- Reads the number of users in a room, and some of them.
--
-- KEYS: 1 the room's users
-- ARGV: 1 how many users at most
-- Reply: distinct users, then the json of each
local count = redis.call('HLEN', KEYS[1])
local reply = { count }
local limit = tonumber(ARGV[1])
if limit == 0 or count == 0 then return reply end
local seen = {}
local cursor = '0'
repeat
  local page = redis.call('HSCAN', KEYS[1], cursor, 'COUNT', limit)
  cursor = page[1]
  for i = 1, #page[2], 2 do
    if #reply > limit then return reply end
    if not seen[page[2][i]] then
      seen[page[2][i]] = true
      reply[#reply + 1] = string.match(page[2][i + 1], '{.*$')
    end
  end
until cursor == '0'
return reply
