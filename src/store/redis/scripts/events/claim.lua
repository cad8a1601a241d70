-- Claims deliveries that are due, oldest due first, from the queues of active endpoints.
-- KEYS: due, claims, claim; per endpoint: queue
-- ARGV: now, when the claim ends, most deliveries, token, milliseconds for which a second call with the same token gets the same answer, number
--   of endpoints; per endpoint: id
-- Returns the endpoint, the id and the due time of each claimed delivery.
local shard = { due = key() }
local claims, claim = key(), key()
local now, till, most, token, kept_ms = tonumber(arg()), arg(), tonumber(arg()), arg(), arg()
if redis.call('EXISTS', claim) == 1 then
  return redis.call('LRANGE', claim, 0, -1)
end
local function look(q)
  local first = redis.call('ZRANGE', q.queue, 0, 0, 'WITHSCORES')
  q.id, q.at = first[1], tonumber(first[2] or 'inf')
end
local queues = {}
for _ = 1, tonumber(arg()) do
  local q = { queue = key(), endpoint = arg() }
  -- One that was paused, disabled or deleted since the caller looked is not among those due any more.
  if redis.call('ZSCORE', shard.due, q.endpoint) then
    look(q)
    queues[#queues + 1] = q
  end
end
local taken = {}
for _ = 1, most do
  local oldest
  for _, q in ipairs(queues) do
    if q.id and q.at <= now and (not oldest or q.at < oldest.at) then
      oldest = q
    end
  end
  if not oldest then
    break
  end
  redis.call('ZADD', oldest.queue, till, oldest.id)
  redis.call('HSET', claims, oldest.id, token)
  taken[#taken + 1] = oldest.endpoint
  taken[#taken + 1] = oldest.id
  taken[#taken + 1] = string.format('%.0f', oldest.at)
  look(oldest)
end
for _, q in ipairs(queues) do
  show(shard, q)
end
if #taken > 0 then
  redis.call('RPUSH', claim, unpack(taken))
  redis.call('PEXPIRE', claim, kept_ms)
end
return taken
