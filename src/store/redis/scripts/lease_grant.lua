-- Settles what a node reports of one key's tokens and quota places, and grants it more. KEYS: the key's bucket and
-- records, the account's bucket and quotas (hashes, one slot). ARGV: 1 a time in ms for tests only, '' for Redis' own;
-- 2 boot id; 3 whole numbers in MessagePack, in `a` from index 3 on: 3 sequence; 4-6 revision (configuration, account),
-- strict; 7-9 the key's rate (gain, unit, burst); 10-12 the account's, zeros for none; 13-14 quotas (hour, month), -1 for
-- none; 15-17 cost of who waits, tokens and places wanted; 18-21 the key's tokens (total, in hand, held, settled); 22-25
-- the account's; 26 places in hand; 27-29 hour (start, total, settled); 30-32 month; 33 time of the settled totals; 34-37
-- seed (hour, used, month, used); 38 life in ms; 39-41 ms that a record, an idle bucket and a month's count are kept.
-- Returns {0} for a call that a later one overtook, else numbers: 1; tokens of the key, of the account, places; time; key
-- (tokens, part, leases, elsewhere); account (same); hour (start, end, used); month (same); and, where newer terms are in
-- force, those: revision, strict, key's rate, account's rate, quotas.
--
-- The model is limits/lease/ledger. All numbers are whole and below 2^53, where a double is exact: gain <= 10^9, unit^2
-- < 2^53, levels within +-2^41, and division goes by fmod, since a quotient can round up to the next whole number. State
-- is MessagePack, since reading and writing numbers as text would take most of the time.
local fmod, floor, min, max = math.fmod, math.floor, math.min, math.max
local LATE, SLOT, PACE, SPARE, DEBT = 2000, 250, 50, 3600000, 1099511627776
local HOUR, DAY = 3600000, 86400000
local HUGE = 4503599627370496
local pack, unpack_one = cmsgpack.pack, cmsgpack.unpack
local a = { 0, 0, unpack_one(ARGV[3]) }
local now = tonumber(ARGV[1])
if not now then
  local t = redis.call('TIME')
  now = t[1] * 1000 + floor(t[2] / 1000)
end

local function div(n, d)
  local r = fmod(n, d)
  return (n - r) / d, r
end

local function ceil_div(n, d)
  local q, r = div(n, d)
  if r > 0 then q = q + 1 end
  return q
end

-- Tokens that come in so many milliseconds, for ms * gain < 2^53.
local function in_ms(l, ms)
  return (div(ms * l.gain, l.unit))
end

-- A quarter of the time to fill, between 1 and PACE.
local function pace(l)
  if l.burst > div(4 * PACE * l.gain, l.unit) then return PACE end
  return max(1, min(PACE, (div(l.burst * l.unit, 4 * l.gain))))
end

-- A bucket of a state's numbers, its slots from index `first` on.
local function level(t, first)
  local l = { rc = t[1], ra = t[2], strict = t[3], gain = t[4], unit = t[5], burst = t[6], tokens = t[7], part = t[8],
    at = t[9], spare = t[10], kept = t[11], out = 0, leases = 0, slots = {} }
  for i = first, #t, 3 do
    l.slots[#l.slots + 1] = { t[i], t[i + 1], t[i + 2] }
    l.out = l.out + t[i + 1]
    l.leases = l.leases + t[i + 2]
  end
  return l
end

local function numbers(l)
  return { l.rc, l.ra, l.strict, l.gain, l.unit, l.burst, l.tokens, l.part, l.at, l.spare, l.kept }
end

local function with_slots(t, l)
  local n = #t
  for _, s in ipairs(l.slots) do
    t[n + 1], t[n + 2], t[n + 3] = s[1], s[2], s[3]
    n = n + 3
  end
  return pack(t)
end

local function cap(l, outstanding)
  if l.strict == 1 then return max(0, l.burst - outstanding) end
  return l.burst
end

local function clamp(l, most)
  if l.tokens >= most then
    l.tokens = most
    l.part = 0
  end
end

local function flow(l, to)
  if to < l.at then return end
  local passed = to - l.at
  l.at = to
  if l.burst == 0 then return end
  local q, s = div(passed, l.unit)
  local most = cap(l, l.out)
  local need = most - l.tokens
  local spare_most = in_ms(l, SPARE)
  -- Each `unit` milliseconds bring `gain` tokens; what is left of the time brings s * gain / unit.
  if q > HUGE / l.gain then
    l.tokens, l.part, l.spare = most, 0, spare_most
    return
  end
  local whole, rest = div(l.gain, l.unit)
  local carry, part = div(s * rest + l.part, l.unit)
  local gained = q * l.gain + s * whole + carry
  if gained >= need then
    l.spare = min(l.spare + gained - need, spare_most)
    l.tokens, l.part = most, 0
  else
    l.tokens, l.part = l.tokens + gained, part
  end
end

local function advance(l)
  if now + LATE < l.at then
    l.at, l.slots, l.out, l.leases = now, {}, 0, 0
  end
  while l.slots[1] and l.slots[1][1] <= now do
    local s = l.slots[1]
    flow(l, s[1])
    l.out, l.leases = l.out - s[2], l.leases - s[3]
    table.remove(l.slots, 1)
  end
  flow(l, now)
end

local function is_newer(l)
  return a[4] > l.rc or (a[4] == l.rc and a[5] > l.ra)
end

local function adopt(l, gain, unit, burst)
  if not is_newer(l) then return end
  l.rc, l.ra, l.strict = a[4], a[5], a[6]
  if burst == 0 then
    l.tokens, l.part, l.spare = 0, 0, 0
  elseif l.burst == 0 then
    l.tokens, l.part, l.spare = burst, 0, 0
  else
    l.part = div(l.part * unit, l.unit)
  end
  l.gain, l.unit, l.burst = gain, unit, burst
  if burst > 0 then
    l.spare = min(l.spare, in_ms(l, SPARE))
    clamp(l, cap(l, l.out))
  end
end

local function withdraw(l, finish, tokens, leases)
  for i, s in ipairs(l.slots) do
    if s[1] == finish then
      tokens, leases = min(s[2], tokens), min(s[3], leases)
      s[2], s[3] = s[2] - tokens, s[3] - leases
      l.out, l.leases = l.out - tokens, l.leases - leases
      if s[2] == 0 and s[3] == 0 then table.remove(l.slots, i) end
      return
    end
  end
end

local function deposit(l, finish, tokens, leases)
  if tokens == 0 and leases == 0 then return end
  local at = 1
  while l.slots[at] and l.slots[at][1] < finish do at = at + 1 end
  if not l.slots[at] or l.slots[at][1] > finish then table.insert(l.slots, at, { finish, 0, 0 }) end
  local s = l.slots[at]
  s[2], s[3] = s[2] + tokens, s[3] + leases
  l.out, l.leases = l.out + tokens, l.leases + leases
end

-- Books the total that a node answers for (ARGV from `i` on); `known` of it is booked already, `before` of it was
-- outstanding.
local function settle(l, i, known, before)
  if l.burst == 0 then return end
  local total, held = a[i], a[i + 2]
  local base = known or a[i + 3]
  if total > base then
    local debt = total - base
    local paid = min(debt, l.spare)
    l.spare = l.spare - paid
    l.tokens = max(l.tokens - (debt - paid), -DEBT)
  elseif before then
    l.tokens = l.tokens + min(base - total, max(0, before - held))
    clamp(l, cap(l, l.out + held))
  end
end

-- Books requests counted in a window (ARGV from `i` on); returns what is used now and what the node counted of it.
local function count(start, used, i, known_start, known)
  if a[i] ~= start then return used, 0 end
  local total, base = a[i + 1], a[i + 2]
  if known then
    base = 0
    if known_start == start then base = known end
  end
  if total > base then
    used = used + total - base
  elseif known then
    used = max(0, used - (base - total))
  end
  return used, total
end

local function days(y, m)
  if m <= 2 then y = y - 1 end
  local era = floor(y / 400)
  local yoe = y - era * 400
  local doy = floor((153 * (m > 2 and m - 3 or m + 9) + 2) / 5)
  return era * 146097 + yoe * 365 + floor(yoe / 4) - floor(yoe / 100) + doy - 719468
end

-- Start and end of the month that `now` lies in.
local function month()
  local z = div(now, DAY) + 719468
  local era = floor(z / 146097)
  local doe = z - era * 146097
  local yoe = floor((doe - floor(doe / 1460) + floor(doe / 36524) - floor(doe / 146096)) / 365)
  local mp = floor((5 * (doe - (365 * yoe + floor(yoe / 4) - floor(yoe / 100))) + 2) / 153)
  local m, y = mp < 10 and mp + 3 or mp - 9, yoe + era * 400
  if m <= 2 then y = y + 1 end
  local start = days(y, m) * DAY
  if m == 12 then return start, days(y + 1, 1) * DAY end
  return start, days(y, m + 1) * DAY
end

local function fresh(gain, unit, burst)
  local at = now
  if a[33] > 0 then at = min(a[33], now) end
  return { a[4], a[5], a[6], gain, unit, burst, burst, 0, at, 0, 0 }
end

-- What there is.
local boot = 'n:' .. ARGV[2]
local stored = redis.call('HMGET', KEYS[1], 's', boot)
local key = level(stored[1] and unpack_one(stored[1]) or fresh(a[7], a[8], a[9]), 12)
local known = stored[2] and unpack_one(stored[2])
local text = redis.call('HGET', KEYS[2], 's')
local acc, limits, hour_start, hour_used, month_start, month_end, month_used
local open_hour = now - fmod(now, HOUR)
if text then
  local t = unpack_one(text)
  acc, limits = level(t, 19), { t[12], t[13] }
  hour_start, hour_used, month_start, month_end, month_used = t[14], t[15], t[16], t[17], t[18]
  if open_hour > hour_start then
    hour_start, hour_used = open_hour, 0
  elseif now + LATE < hour_start then
    hour_start = open_hour
  end
  if now >= month_end then
    month_start, month_end = month()
    month_used = 0
  elseif now + LATE < month_start then
    month_start, month_end = month()
  end
else
  acc, limits = level(fresh(a[10], a[11], a[12]), 19), { a[13], a[14] }
  hour_start, hour_used = open_hour, a[34] == open_hour and a[35] or 0
  month_start, month_end = month()
  month_used = a[36] == month_start and a[37] or 0
end
advance(acc)
advance(key)

local function reply(gk, ga, places, own_key, own_acc)
  local r = { 1, gk, ga, places, now, key.tokens, key.part, key.leases, max(0, key.out - own_key), acc.tokens, acc.part,
    acc.leases, max(0, acc.out - own_acc), hour_start, hour_start + HOUR, hour_used, month_start, month_end, month_used }
  local rc, ra = acc.rc, acc.ra
  if key.rc > rc or (key.rc == rc and key.ra > ra) then rc, ra = key.rc, key.ra end
  if rc > a[4] or (rc == a[4] and ra > a[5]) then
    for _, n in ipairs({ rc, ra, acc.strict, key.gain, key.unit, key.burst, acc.gain, acc.unit, acc.burst, limits[1],
      limits[2] }) do r[#r + 1] = n end
  end
  return r
end

-- A record: sequence, time, end; total and outstanding of the key, of the account; hour and month with what was counted;
-- what was granted last; leases.
if known and a[3] < known[1] then return { 0 } end
if known and a[3] == known[1] then
  local live = known[3] > now
  return reply(known[12], known[13], known[8] == hour_start and known[14] or 0, live and known[5] or 0,
    live and known[7] or 0)
end

-- Terms, then what the node did, then what it may have.
if is_newer(acc) then limits = { a[13], a[14] } end
adopt(key, a[7], a[8], a[9])
adopt(acc, a[10], a[11], a[12])
local live = known and known[3] > now
if live then
  withdraw(key, known[3], known[5], known[15])
  withdraw(acc, known[3], known[7], known[15])
end
settle(key, 18, known and known[4], live and known[5])
settle(acc, 22, known and known[6], live and known[7])
local in_hour, in_month
hour_used, in_hour = count(hour_start, hour_used, 27, known and known[8], known and known[9])
month_used, in_month = count(month_start, month_used, 30, known and known[10], known and known[11])

local function available(l)
  if l.burst == 0 then return HUGE end
  return max(0, l.tokens)
end

local function share(l)
  if l.burst == 0 then return HUGE end
  local tokens = max(0, l.tokens)
  local half = div(tokens, 2 * (l.leases + 1))
  if a[15] == 0 then return half end
  return max(half, min(tokens, in_ms(l, pace(l))))
end

local function decide()
  local cost, want, wanted = a[15], a[16], a[17]
  local hand_places = a[27] == hour_start and a[26] or 0
  local nk, na, np = 0, 0, 0
  if cost > 0 then
    nk, na, np = max(0, min(cost, key.burst) - a[19]), max(0, min(cost, acc.burst) - a[23]), max(0, 1 - hand_places)
  end
  local left = HUGE
  if limits[1] >= 0 then left = max(0, limits[1] - hour_used) end
  if limits[2] >= 0 then left = min(left, max(0, limits[2] - month_used)) end
  if available(key) < nk or available(acc) < na or left < np then return 0, 0, 0 end
  local places = wanted
  if left < HUGE then places = min(wanted, (div(left, 2 * (acc.leases + 1)))) end
  places = max(places, np)
  local tokens = min(want, share(key), share(acc))
  if places < wanted then tokens = min(tokens, (div(want * places, wanted))) end
  local most = max(tokens, nk, na)
  if most < want then places = max(min(places, ceil_div(wanted * most, want)), np) end
  return max(tokens, nk), acc.burst > 0 and max(tokens, na) or 0, places
end
local gk, ga, places = decide()
key.tokens = key.tokens - gk
acc.tokens = acc.tokens - ga
hour_used, month_used = hour_used + places, month_used + places
local leases = (a[15] == 0 and a[16] == 0) and 0 or 1
local finish = ceil_div(now + a[38], SLOT) * SLOT
deposit(key, finish, a[20] + gk, leases)
deposit(acc, finish, a[24] + ga, leases)

-- Records of nodes that are silent for long go when a new one comes.
if not known and redis.call('HLEN', KEYS[1]) > 32 then
  local all = redis.call('HGETALL', KEYS[1])
  for i = 1, #all, 2 do
    if all[i] ~= 's' and unpack_one(all[i + 1])[2] + a[39] < now then redis.call('HDEL', KEYS[1], all[i]) end
  end
end

-- A bucket that is forgotten comes back full: not before it would be, and no lease of it is outstanding. How long it is
-- kept is said again only when that is a minute longer than it was.
local function keep(l, ms)
  if l.burst > 0 then ms = max(ms, floor(max(0, l.burst - l.tokens) * l.unit / l.gain)) end
  local till = now + min(ms, 1e15) + a[38] + 1000
  if till <= l.kept then return end
  l.kept = till + 60000
  return string.format('%.0f', l.kept - now)
end
local key_ms = keep(key, a[40])
local acc_ms = keep(acc, max(a[40], month_end - now + a[41]))
redis.call('HSET', KEYS[1], 's', with_slots(numbers(key), key), boot, pack({ a[3], now, finish, a[18] + gk, a[20] + gk,
  a[22] + ga, a[24] + ga, hour_start, in_hour + places, month_start, in_month + places, gk, ga, places, leases }))
local of_acc = numbers(acc)
of_acc[12], of_acc[13], of_acc[14], of_acc[15] = limits[1], limits[2], hour_start, hour_used
of_acc[16], of_acc[17], of_acc[18] = month_start, month_end, month_used
redis.call('HSET', KEYS[2], 's', with_slots(of_acc, acc))
if key_ms then redis.call('PEXPIRE', KEYS[1], key_ms) end
if acc_ms then redis.call('PEXPIRE', KEYS[2], acc_ms) end
return reply(gk, ga, places, a[20] + gk, a[24] + ga)
