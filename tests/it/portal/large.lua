-- Usage of some hours or days of an account, as `store::redis::usage` has it, where no batch would be fast enough.
-- ARGV  1 what the names of its slot begin with  2 what those of its shard begin with  3 'h' or 'd'  4 first hour or day of the
--       hash  5 how many of them  6 first day of the month  7 the account  8 seconds since the epoch; then its keys
local own, shard, span, chunk, count = ARGV[1], ARGV[2], ARGV[3], ARGV[4], tonumber(ARGV[5])
local month, account, now, first = ARGV[6], ARGV[7], ARGV[8], 9
local keys = #ARGV - first + 1

-- Writes fields of a hash, some at a time.
local function writer(name)
  local some = {}
  local function flush()
    if #some > 0 then redis.call('HSET', name, unpack(some)) end
    some = {}
  end
  return function(field, value)
    some[#some + 1], some[#some + 2] = field, value
    if #some >= 2000 then flush() end
  end, flush
end

local sum, end_sums = writer(own .. span .. ':' .. chunk)
local total, end_totals = writer(own .. 'kd:' .. chunk)
local routes = {}
for n = 0, 29 do
  local write, flush = writer(shard .. span .. 'c:' .. chunk .. ':/v1/things' .. n .. '/{id}')
  routes[n] = {write = write, flush = flush}
end
for position = 0, count - 1 do
  local all = {[0] = 0, [2] = 0, [5] = 0}
  for n = 1, keys do
    local requests, refused = 1 + (n * 7 + position * 3) % 90, n % 9
    local failed = n % 10 == 0 and 3 or 0
    for class, of in pairs({[0] = refused, [2] = requests, [5] = failed}) do
      if of > 0 then sum(position .. class .. '.' .. n, of .. ' 100 2000 30000') end
      all[class] = all[class] + of
    end
    if span == 'd' then
      total(position .. '.' .. n, requests + failed .. ' ' .. failed .. ' ' .. refused .. ' 0')
    end
    for other = 0, 2 do
      routes[(n + other) % 30].write(position .. account .. '\0' .. ARGV[first + n - 1], requests .. ' ' .. now .. '000')
    end
  end
  for class, of in pairs(all) do sum(position .. class, of .. ' 100000 2000000 30000000') end
  for n = 0, 29 do
    sum(position .. ':GET /v1/things' .. n .. '/{id}', 100 + n .. ' ' .. n % 5)
  end
  for n, code in ipairs({'rate_limited', 'insufficient_scope', 'quota_exceeded'}) do
    sum(position .. '!' .. code, 1000 * n .. ' 0')
  end
end
end_sums()
end_totals()
for n = 0, 29 do routes[n].flush() end
local in_month, end_month = writer(own .. 'km:' .. month)
local numbers, end_numbers = writer(own .. 'keys:' .. month)
for n = 1, keys do
  in_month('.' .. n, 30 * (1 + n % 90) .. ' 9 ' .. 30 * (n % 9) .. ' 0')
  numbers(ARGV[first + n - 1], n)
end
end_month()
end_numbers()
for n = 0, 29 do redis.call('HSET', own .. 'em:' .. month, 'GET /v1/things' .. n .. '/{id}', '0 0') end
redis.call('ZADD', own .. 'months', month, month)
return 1
