-- What wrk sends, and a line of JSON with what came of it.
-- Arguments: what (get, book, same), path, a file of slot ids (book) or one slot id (same), header lines.
local what, path, given, run
local ids, next_id, seen = {}, 0, {}
local threads = {}

function setup(thread)
  table.insert(threads, thread)
end

function init(args)
  what, path, given, run = args[1], args[2], args[3], args[4]
  for index = 5, #args do
    local name, value = string.match(args[index], '^([^:]+): (.*)$')
    wrk.headers[name] = value
  end
  statuses = ''
  if what == 'book' then
    for line in io.lines(given) do ids[#ids + 1] = line end
  end
  if what ~= 'get' then wrk.headers['Content-Type'] = 'application/json' end
end

local function booking(slot)
  next_id = next_id + 1
  wrk.headers['Idempotency-Key'] = run .. '-' .. next_id
  local body = '{"slot_id":"' .. slot .. '","patient_name":"Bench Probe","patient_email":"bench@example.org"}'
  return wrk.format('POST', path, wrk.headers, body)
end

function request()
  if what == 'get' then return wrk.format('GET', path, wrk.headers) end
  if what == 'same' then return booking(given) end
  local slot = ids[next_id + 1]
  -- More was asked for than was staged: the run counts as void.
  if slot == nil then return wrk.format('GET', '/no-slot-is-left', wrk.headers) end
  return booking(slot)
end

function response(status)
  seen[status] = (seen[status] or 0) + 1
  local parts = {}
  for code, count in pairs(seen) do parts[#parts + 1] = '"' .. code .. '":' .. count end
  statuses = '{' .. table.concat(parts, ',') .. '}'
end

function done(summary, latency)
  local broken = summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.timeout
  local told = {}
  for _, thread in ipairs(threads) do told[#told + 1] = thread:get('statuses') end
  io.write(string.format(
    '\nRESULT {"requests":%d,"seconds":%.6f,"broken":%d,"p50":%.3f,"p90":%.3f,"p99":%.3f,"statuses":%s}\n',
    summary.requests, summary.duration / 1e6, broken, latency:percentile(50) / 1000,
    latency:percentile(90) / 1000, latency:percentile(99) / 1000, told[1]))
end
