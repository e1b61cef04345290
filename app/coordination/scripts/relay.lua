-- Append changes to a stream under their own numbers, and note how far it goes
-- KEYS: 1 the stream, 2 the heads of all streams
-- ARGV: 1 name of the stream, 2 its head, 3 about how many to keep, 4 seconds until an idle stream is forgotten,
--       then number and content of each change
-- Returns how many were new; a number that is there already is passed over
local added = 0
for i = 5, #ARGV, 2 do
  local reply = redis.pcall('XADD', KEYS[1], 'MAXLEN', '~', ARGV[3], ARGV[i] .. '-0', 'change', ARGV[i + 1])
  if type(reply) ~= 'table' or not reply.err then
    added = added + 1
  elseif not string.find(reply.err, 'equal or smaller', 1, true) then
    return reply
  end
end
redis.call('EXPIRE', KEYS[1], ARGV[4])
if tonumber(ARGV[2]) > tonumber(redis.call('HGET', KEYS[2], ARGV[1]) or '0') then
  redis.call('HSET', KEYS[2], ARGV[1], ARGV[2])
end
return added
