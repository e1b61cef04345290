-- Give the leader's lease back, only if it is ours.
-- KEYS: 1 lease   ARGV: 1 owner   Returns 1 given back, 0 not ours
local held = redis.call('GET', KEYS[1])
if held and string.match(held, '^[^|]*') == ARGV[1] then
  return redis.call('DEL', KEYS[1])
end
return 0
