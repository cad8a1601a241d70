-- Puts sums of one slot and one hour or day in place of those that are there, as a copy of another store has them.
-- KEYS  1 months that have sums: a sorted set of numbers of days
--       2 numbers of an account's keys in the month: a hash, key -> number
--       3 the hash
-- ARGV  1 the month  2 second of the end of the keys' numbers  3 second of the end of the hash
--       4 seconds that a hash is kept at least, and 5 at most, from now on
--       then a number of keys, and they; a number of fields; and each field: how it begins, the place of its key above
--       whose number it ends with or '', its numbers
-- Returns 1.
local now, at = tonumber(redis.call('TIME')[1]), 6

local function ends(second)
  return string.format('%.0f', math.min(math.max(tonumber(second), now + ARGV[4]), now + ARGV[5]))
end

local numbers = {}
for i = 1, tonumber(ARGV[at]) do
  local key = ARGV[at + i]
  local number = redis.call('HGET', KEYS[2], key)
  if not number then
    number = string.format('%.0f', redis.call('HLEN', KEYS[2]) + 1)
    redis.call('HSET', KEYS[2], key, number)
  end
  numbers[i] = number
end
at = at + tonumber(ARGV[at]) + 1
local write = {}
for i = 1, tonumber(ARGV[at]) do
  local key = ARGV[at + 3 * i - 1]
  write[2 * i - 1] = ARGV[at + 3 * i - 2] .. (key == '' and '' or numbers[tonumber(key)])
  write[2 * i] = ARGV[at + 3 * i]
end
redis.call('HSET', KEYS[3], unpack(write))
redis.call('EXPIREAT', KEYS[3], ends(ARGV[3]))
redis.call('EXPIREAT', KEYS[2], ends(ARGV[2]))
redis.call('ZADD', KEYS[1], ARGV[1], ARGV[1])
redis.call('EXPIRE', KEYS[1], ARGV[5])
return 1
