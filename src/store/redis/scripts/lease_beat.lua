-- Says that a node lives, and numbers its configuration among those of all nodes. KEYS: live nodes by last beat (a
-- sorted set), their configurations (a hash), numbers of configurations (a hash), all in one slot. ARGV: a time in ms for
-- tests only, '' for Redis' own; boot id; hash of its configuration; 1 where it has just moved to it from another, else 0;
-- ms of silence after which a node is dead. Returns {live nodes, number of its configuration, time in ms}.
--
-- A configuration that nobody had is newer than all. One that is older than the newest stays older as long as a live node
-- has the newest; a node that moves to it, or that finds nobody on a newer one, makes it the newest again.
local now = tonumber(ARGV[1])
if not now then
  local t = redis.call('TIME')
  now = t[1] * 1000 + math.floor(t[2] / 1000)
end
local dead = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', string.format('(%.0f', now - tonumber(ARGV[5])), 'LIMIT', 0, 1000)
for _, boot in ipairs(dead) do
  redis.call('ZREM', KEYS[1], boot)
  redis.call('HDEL', KEYS[2], boot)
end
redis.call('ZADD', KEYS[1], string.format('%.0f', now), ARGV[2])
redis.call('HSET', KEYS[2], ARGV[2], ARGV[3])

local newest, top = nil, 0
local numbers = redis.call('HGETALL', KEYS[3])
for i = 1, #numbers, 2 do
  local n = tonumber(numbers[i + 1])
  if n > top then newest, top = numbers[i], n end
end
local number = tonumber(redis.call('HGET', KEYS[3], ARGV[3]) or 0)
local used = {}
for _, config in ipairs(redis.call('HVALS', KEYS[2])) do used[config] = true end
if number == 0 or (number < top and (ARGV[4] == '1' or not used[newest])) then
  number = top + 1
  redis.call('HSET', KEYS[3], ARGV[3], number)
  -- Numbers of configurations that are long gone: what comes back is new then.
  if #numbers > 200 then
    for i = 1, #numbers, 2 do
      if not used[numbers[i]] and numbers[i] ~= newest then redis.call('HDEL', KEYS[3], numbers[i]) end
    end
  end
end
return { redis.call('ZCARD', KEYS[1]), number, now }
