-- Prelude: the place of a new event in lists of its shard.

-- Microseconds of this server's clock, yet always more than the one before.
local function next_position(name)
  local time = redis.call('TIME')
  local before = tonumber(redis.call('GET', name) or 0)
  local position = math.max(tonumber(time[1]) * 1000000 + tonumber(time[2]), before + 1)
  local text = string.format('%.0f', position)
  redis.call('SET', name, text)
  return text
end
