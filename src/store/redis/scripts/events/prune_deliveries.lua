-- Deletes finished deliveries with their attempts.
-- KEYS: finished, deliveries; per delivery: delivery, attempts, targets, sent
-- ARGV: before when they must have finished, number of deliveries; per delivery: id, endpoint
-- Returns how many went.
local finished, deliveries = key(), key()
local before, count = tonumber(arg()), tonumber(arg())
local gone = 0
for _ = 1, count do
  local delivery, attempts, targets, sent = key(), key(), key(), key()
  local id, endpoint = arg(), arg()
  local at = redis.call('ZSCORE', finished, id)
  if at and tonumber(at) < before then
    redis.call('DEL', delivery, attempts)
    if redis.call('HGET', targets, endpoint) == id then
      redis.call('HDEL', targets, endpoint)
    end
    redis.call('ZREM', sent, id)
    redis.call('ZREM', deliveries, id)
    redis.call('ZREM', finished, id)
    gone = gone + 1
  end
end
return gone
