-- Ends some of what waits for an endpoint that is disabled or deleted: as failed, with the reason in its log, where the
-- endpoint can be enabled again, else as cancelled.
-- KEYS: endpoint, queue, due, queued, claims, finished, gone; per delivery: delivery, attempts
-- ARGV: endpoint's id, now, the same as the log writes it, most attempts kept, number of deliveries; per delivery: id
-- Returns 1 while more waits.
local shard = {}
local endpoint, queue = key(), key()
shard.due, shard.queued, shard.claims, shard.finished = key(), key(), key(), key()
local gone = key()
local id, now, at, kept, count = arg(), arg(), arg(), tonumber(arg()), tonumber(arg())
local known = redis.call('HMGET', endpoint, 'status', 'disabled_reason')
local status = known[1]
if status and status ~= 'disabled' then
  redis.call('SREM', gone, id)
  return 0
end
local note
if status then
  -- As `health::never_attempted` says it.
  note = cjson.encode({ at = at, latency_ms = 0, error = 'the webhook was disabled: ' .. (known[2] or '') })
end
redis.call('ZREM', shard.due, id)
for _ = 1, count do
  local d = { delivery = key(), queue = queue, id = arg() }
  local attempts = key()
  if redis.call('HGET', d.delivery, 'state') ~= 'pending' then
    unqueue(shard, d)
  elseif note then
    redis.call('RPUSH', attempts, note)
    redis.call('LTRIM', attempts, -kept, -1)
    finish(shard, d, 'failed', now)
  else
    finish(shard, d, 'cancelled', now)
  end
end
if redis.call('EXISTS', queue) == 1 then
  return 1
end
redis.call('SREM', gone, id)
return 0
