-- Append changes to streams under their own numbers, note how far each goes, then ring
-- KEYS: 1 the heads of all streams, then each stream
-- ARGV: 1 about how many changes of a stream to keep, 2 seconds until an idle stream is forgotten,
--       3 the doorbell's channel, 4 what it says, then for each stream: its name, its head, how many changes,
--       and the number and the content of each
-- Returns how many were new; a number that is there already is passed over
local added = 0
local at = 5
for i = 2, #KEYS do
  local name, head, count = ARGV[at], ARGV[at + 1], tonumber(ARGV[at + 2])
  at = at + 3
  for _ = 1, count do
    local reply = redis.pcall('XADD', KEYS[i], 'MAXLEN', '~', ARGV[1], ARGV[at] .. '-0', 'change', ARGV[at + 1])
    if type(reply) ~= 'table' or not reply.err then
      added = added + 1
    elseif not string.find(reply.err, 'equal or smaller', 1, true) then
      return reply
    end
    at = at + 2
  end
  redis.call('EXPIRE', KEYS[i], ARGV[2])
  if tonumber(head) > tonumber(redis.call('HGET', KEYS[1], name) or '0') then
    redis.call('HSET', KEYS[1], name, head)
  end
end
redis.call('PUBLISH', ARGV[3], ARGV[4])
return added
