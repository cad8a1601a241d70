-- Deletes deliveries of an account that is being erased, and those of its events that have no more of them.
-- KEYS: events, events:account, events:released, events:pending, pending_since, events:unresolved, deliveries, queued, claims, finished;
--   per delivery: delivery, attempts, queue, sent, targets; per event: event, targets, events:type
-- ARGV: number of deliveries; per delivery: id, endpoint; number of events; per event: id
-- Returns 1.
local shard = {}
local events, of_account, released, pending, pending_since, unresolved = key(), key(), key(), key(), key(), key()
local deliveries = key()
shard.queued, shard.claims, shard.finished = key(), key(), key()
for _ = 1, tonumber(arg()) do
  local d = { delivery = key() }
  local attempts = key()
  d.queue = key()
  local sent, targets = key(), key()
  d.id = arg()
  unqueue(shard, d)
  redis.call('DEL', d.delivery, attempts)
  redis.call('ZREM', sent, d.id)
  redis.call('ZREM', deliveries, d.id)
  redis.call('ZREM', shard.finished, d.id)
  redis.call('HDEL', targets, arg())
end
for _ = 1, tonumber(arg()) do
  local event, targets, of_type = key(), key(), key()
  local id = arg()
  if redis.call('EXISTS', targets) == 0 then
    redis.call('DEL', event)
    for _, list in ipairs({ events, of_account, released, of_type, pending, pending_since, unresolved }) do
      redis.call('ZREM', list, id)
    end
  end
end
return 1
