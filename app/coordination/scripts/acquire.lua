-- Take the slot's lock, or learn who has it. Asking again with the same owner gives the same fence,
-- so a lost reply can be repeated.
-- KEYS: 1 hold, 2 fence counter
-- ARGV: 1 owner, 2 time to live in ms, 3 floor (highest fence the caller knows), 4 counter's life in s
-- Returns {1, fence} granted, {2, fence} already ours, {0, ms left} held by another
local held = redis.call('GET', KEYS[1])
if held then
  -- The last bar: an owner's name may hold bars of its own.
  local owner, fence = string.match(held, '^(.*)|(%d+)$')
  if owner == ARGV[1] then
    redis.call('PEXPIRE', KEYS[1], ARGV[2])
    return {2, tonumber(fence)}
  end
  return {0, redis.call('PTTL', KEYS[1])}
end
local last = tonumber(redis.call('GET', KEYS[2]) or '0')
local fence = math.max(last, tonumber(ARGV[3])) + 1
redis.call('SET', KEYS[2], fence, 'EX', ARGV[4])
redis.call('SET', KEYS[1], ARGV[1] .. '|' .. fence, 'PX', ARGV[2])
return {1, fence}
