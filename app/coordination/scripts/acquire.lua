-- Take the locks of all slots or none, or learn who has one. Asking again with the same owner gives the same
-- fences, so a lost reply can be repeated; a fence that is not above the floor is of no use, so there is a new
-- one. All is read before anything is written.
-- KEYS: of each slot its hold and its fence counter
-- ARGV: 1 owner, 2 time to live in ms, 3 counter's life in s, then of each slot its floor (highest fence known)
-- Returns {0, which slot, ms left} when another holds one; else of each slot {1, fence} granted, {2, fence} ours
local ours, last = {}, {}
for slot = 1, #KEYS / 2 do
  local hold, counter = KEYS[2 * slot - 1], KEYS[2 * slot]
  local held = redis.call('GET', hold)
  if held then
    -- The last bar: an owner's name may hold bars of its own.
    local owner, fence = string.match(held, '^(.*)|(%d+)$')
    if owner ~= ARGV[1] then
      return {0, slot, redis.call('PTTL', hold)}
    end
    ours[slot] = tonumber(fence)
  end
  last[slot] = tonumber(redis.call('GET', counter) or '0')
end
local told = {}
for slot = 1, #KEYS / 2 do
  local hold, counter, floor = KEYS[2 * slot - 1], KEYS[2 * slot], tonumber(ARGV[3 + slot])
  if ours[slot] and ours[slot] > floor then
    redis.call('PEXPIRE', hold, ARGV[2])
    told[slot] = {2, ours[slot]}
  else
    local fence = math.max(last[slot], floor) + 1
    redis.call('SET', counter, fence, 'EX', ARGV[3])
    redis.call('SET', hold, ARGV[1] .. '|' .. fence, 'PX', ARGV[2])
    told[slot] = {1, fence}
  end
end
return told
