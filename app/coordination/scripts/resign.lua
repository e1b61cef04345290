-- Give the leader's lease back, only if it is ours.
-- KEYS: 1 lease   ARGV: 1 node   Returns 1 given back, 0 not ours
if redis.call('GET', KEYS[1]) == ARGV[1] then
  return redis.call('DEL', KEYS[1])
end
return 0
