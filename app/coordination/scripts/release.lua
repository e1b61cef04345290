-- Give the slot's lock back, only if it is still the one with this fence.
-- KEYS: 1 hold   ARGV: 1 fence   Returns 1 released, 0 not ours
local held = redis.call('GET', KEYS[1])
if held and string.match(held, '|(%d+)$') == ARGV[1] then
  return redis.call('DEL', KEYS[1])
end
return 0
