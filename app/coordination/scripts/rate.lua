-- Let a request through if its caller has not used up what is allowed (generic cell rate algorithm).
-- KEYS: 1 the caller's theoretical arrival time
-- ARGV: 1 microseconds that one request costs, 2 microseconds that may be used up in advance
-- Returns microseconds to wait; 0 when the request may pass and was counted
local clock = redis.call('TIME')
local now = clock[1] * 1000000 + clock[2]
local cost, most = tonumber(ARGV[1]), tonumber(ARGV[2])
local arrival = math.max(tonumber(redis.call('GET', KEYS[1]) or '0'), now)
local wait = arrival + cost - now - most
if wait > 0 then return wait end
redis.call('SET', KEYS[1], string.format('%.0f', arrival + cost), 'PX', math.ceil((arrival + cost - now) / 1000))
return 0
