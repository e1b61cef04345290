-- Take or renew the leader's lease.
-- KEYS: 1 lease   ARGV: 1 node, 2 time to live in ms   Returns 1 ours now, 0 another's
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then
  return 0
end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
