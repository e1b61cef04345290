-- Give the leader's lease back, only if it is ours and of no later term than the one that ends.
-- KEYS: 1 lease   ARGV: 1 owner, 2 epoch   Returns 1 given back, 0 not ours
local held = redis.call('GET', KEYS[1])
if held and string.match(held, '^[^|]*') == ARGV[1] and tonumber(string.match(held, '%d+$')) <= tonumber(ARGV[2]) then
  return redis.call('DEL', KEYS[1])
end
return 0
