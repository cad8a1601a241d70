-- Deletes finished deliveries with their attempts.
-- KEYS: finished, deliveries; per delivery: delivery, attempts, targets, sent
-- ARGV: before when they must have finished, before when those that failed must have, number of deliveries; per delivery:
--   id, endpoint
-- Returns which stay among the finished.
local finished, deliveries = key(), key()
local before, dead_before, count = tonumber(arg()), tonumber(arg()), tonumber(arg())
local stayed = {}
for _ = 1, count do
  local delivery, attempts, targets, sent = key(), key(), key(), key()
  local id, endpoint = arg(), arg()
  local at = redis.call('ZSCORE', finished, id)
  local is_dead = redis.call('HGET', delivery, 'state') == 'failed'
  if at and tonumber(at) < (is_dead and math.min(before, dead_before) or before) then
    redis.call('DEL', delivery, attempts)
    if redis.call('HGET', targets, endpoint) == id then
      redis.call('HDEL', targets, endpoint)
    end
    redis.call('ZREM', sent, id)
    redis.call('ZREM', deliveries, id)
    redis.call('ZREM', finished, id)
  elseif at then
    stayed[#stayed + 1] = id
  end
end
return stayed
