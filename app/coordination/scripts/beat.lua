-- Leave a heartbeat and read everybody's, with their age by this server's clock.
-- KEYS: 1 all nodes by time of last beat, 2 this node's heartbeat
-- ARGV: 1 node, 2 content, 3 time to live in ms, 4 prefix of the keys of heartbeats
-- Returns {{content, age in ms}, ...} of those still alive
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
redis.call('SET', KEYS[2], now .. '|' .. ARGV[2], 'PX', ARGV[3])
redis.call('ZADD', KEYS[1], now, ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - 60000)
local found = {}
for _, node in ipairs(redis.call('ZRANGE', KEYS[1], 0, 199)) do
  local beat = redis.call('GET', ARGV[4] .. node)
  if beat then
    local bar = string.find(beat, '|', 1, true)
    found[#found + 1] = {string.sub(beat, bar + 1), now - tonumber(string.sub(beat, 1, bar - 1))}
  end
end
return found
