-- Take, keep or learn about the leader's lease.
-- KEYS: 1 lease   ARGV: 1 owner, 2 epoch (0 while it is not known yet), 3 time to live in ms
-- Returns {1, ''} ours now, {0, holder} another's; the value is "owner|epoch"
local held = redis.call('GET', KEYS[1])
if held and string.match(held, '^[^|]*') ~= ARGV[1] then
  return {0, held}
end
redis.call('SET', KEYS[1], ARGV[1] .. '|' .. ARGV[2], 'PX', ARGV[3])
return {1, ''}
