-- Adds one piece of a usage batch to the sums of one slot, once however often it comes.
-- KEYS  1 markers: a hash, boot id -> "sequence piece second"
--       2 erasures: in an account's slot a key that is there while the account is to be left out; in a shard's slot a
--         sorted set, account -> the second in which it was last being erased
--       3 months that have sums: a sorted set of numbers of days
--       4 numbers of an account's keys in the piece's month: a hash, key -> number
--       then the hash of each part
-- ARGV  1 boot id  2 sequence  3 piece
--       4 seconds that a marker is kept at least  5 markers at most
--       6 seconds that a hash is kept at least, and 7 at most, from now on
--       8 an account's slot: ''; a shard's: accounts that were being erased in this second or later are refused
--       9 the month  10 second of the end of the keys' numbers
--       then a number of accounts, and they; a number of keys, and they
--       then each part: 'a' (all numbers are summed) or 'c' (the second is the largest), second of its end, number of its
--         fields; and each field: how it begins, the place of its key above whose number it ends with or '', its numbers
-- Returns the server's second and then the places of the accounts for which nothing may be added: then nothing was.
-- All is read and computed before the first write, and the first write is one that a full server refuses: what a script
-- wrote before Redis stopped it stays.

local MOST = 9007199254740991
local DAY = 86400
local FOUR = '^(%d+) (%d+) (%d+) (%d+)$'
local TWO = '^(%d+) (%d+)$'

local function plus(a, b)
  return math.min(tonumber(a) + tonumber(b), MOST)
end

-- What a field's old and new numbers make; nil where the old ones are none.
local function add(what, old, more)
  local w, x, y, z = string.match(more, FOUR)
  if w then
    local a, b, c, d = string.match(old, FOUR)
    return a and string.format('%.0f %.0f %.0f %.0f', plus(a, w), plus(b, x), plus(c, y), plus(d, z))
  end
  w, x = string.match(more, TWO)
  local a, b = string.match(old, TWO)
  if not a then return nil end
  if what == 'c' then
    b = math.max(tonumber(b), tonumber(x))
  else
    b = plus(b, x)
  end
  return string.format('%.0f %.0f', plus(a, w), b)
end

local boot, sequence, piece = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local now = tonumber(redis.call('TIME')[1])
local at = 11

-- The places of the first and the last of a list that follows its length.
local function list()
  local first, last = at + 1, at + tonumber(ARGV[at])
  at = last + 1
  return first, last
end

local first, last = list()
if redis.call('EXISTS', KEYS[2]) == 1 then
  if ARGV[8] == '' then return {now, 1} end
  local reply = {now}
  for i, since in ipairs(redis.call('ZMSCORE', KEYS[2], unpack(ARGV, first, last))) do
    if since and tonumber(since) >= tonumber(ARGV[8]) then reply[#reply + 1] = i end
  end
  if #reply > 1 then return reply end
end

local marker, marked_at = redis.call('HGET', KEYS[1], boot), nil
if marker then
  local s, p, t = string.match(marker, '^(%d+) (%d+) (%d+)$')
  s, p, marked_at = tonumber(s), tonumber(p), tonumber(t)
  if s > sequence or (s == sequence and p >= piece) then return {now} end
end

local numbers, new_numbers = {}, {}
first, last = list()
if last >= first then
  numbers = redis.call('HMGET', KEYS[4], unpack(ARGV, first, last))
  local used
  for i = 1, last - first + 1 do
    if not numbers[i] then
      used = (used or redis.call('HLEN', KEYS[4])) + 1
      numbers[i] = string.format('%.0f', used)
      new_numbers[#new_numbers + 1] = ARGV[first + i - 1]
      new_numbers[#new_numbers + 1] = numbers[i]
    end
  end
end

local parts, is_any_new = {}, false
for k = 5, #KEYS do
  local what, ends, n = ARGV[at], tonumber(ARGV[at + 1]), tonumber(ARGV[at + 2])
  at = at + 3
  local fields = {}
  for i = 1, n do
    local key = ARGV[at + 3 * i - 2]
    fields[i] = ARGV[at + 3 * i - 3] .. (key == '' and '' or numbers[tonumber(key)])
  end
  local olds, write, is_new = redis.call('HMGET', KEYS[k], unpack(fields)), {}, true
  for i = 1, n do
    local old, value = olds[i], ARGV[at + 3 * i - 1]
    if old then
      is_new, value = false, add(what, old, value)
      if not value then return redis.error_reply('CORRUPT usage in ' .. KEYS[k]) end
    end
    write[2 * i - 1], write[2 * i] = fields[i], value
  end
  at = at + 3 * n
  is_any_new = is_any_new or is_new
  parts[k] = {write = write, ends = is_new and math.min(math.max(ends, now + ARGV[6]), now + ARGV[7])}
end

-- A marker tells the day in which it was last seen, so that its hash is given a new end once a day only.
local is_due = not marked_at or marked_at < now - DAY
local second = is_due and now or marked_at
redis.call('HSET', KEYS[1], boot, ARGV[2] .. ' ' .. ARGV[3] .. ' ' .. string.format('%.0f', second))
if is_due then redis.call('EXPIRE', KEYS[1], ARGV[4] + DAY) end
if #new_numbers > 0 then
  redis.call('HSET', KEYS[4], unpack(new_numbers))
end
for k = 5, #KEYS do
  redis.call('HSET', KEYS[k], unpack(parts[k].write))
  if parts[k].ends then redis.call('EXPIREAT', KEYS[k], string.format('%.0f', parts[k].ends)) end
end

-- What leads to the hashes ends no sooner than the last of them. No month is taken out of the list before: rows of a
-- month long past may have come just now. So it grows by twelve a year while an account is used.
if is_any_new then
  local ends = math.min(math.max(tonumber(ARGV[10]), now + ARGV[6]), now + ARGV[7])
  redis.call('EXPIREAT', KEYS[4], string.format('%.0f', ends))
  redis.call('ZADD', KEYS[3], ARGV[9], ARGV[9])
  redis.call('EXPIRE', KEYS[3], ARGV[7])
end

-- A process that is new here: markers out of their time go, and the oldest where there are too many.
if not marker then
  local all, left, oldest, oldest_at = redis.call('HGETALL', KEYS[1]), 0, nil, nil
  for i = 1, #all, 2 do
    local t = tonumber(string.match(all[i + 1], '(%d+)$'))
    if t < now - ARGV[4] - DAY then
      redis.call('HDEL', KEYS[1], all[i])
    else
      left = left + 1
      if all[i] ~= boot and (not oldest or t < oldest_at) then oldest, oldest_at = all[i], t end
    end
  end
  if left > tonumber(ARGV[5]) and oldest then redis.call('HDEL', KEYS[1], oldest) end
end
return {now}
