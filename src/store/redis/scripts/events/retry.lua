-- Starts a delivery's schedule anew, due at once.
-- KEYS: delivery, queue, endpoint, due, queued, claims, finished, health; the change's
-- ARGV: id, endpoint's id, now; the change's
-- Returns the delivery's hash.
local shard, d = {}, {}
d.delivery, d.queue = key(), key()
local endpoint = key()
shard.due, shard.queued, shard.claims, shard.finished = key(), key(), key(), key()
d.health = key()
d.id, d.endpoint = arg(), arg()
local now = arg()
if changed() then
  return redis.call('HGETALL', d.delivery)
end
local refusal = refuse_answer()
if refusal then
  return refusal
end
if redis.call('EXISTS', d.delivery) == 0 then
  return redis.error_reply('NOTFOUND there is no such thing')
end
local status = redis.call('HGET', endpoint, 'status')
if not status then
  return redis.error_reply('CONFLICT the endpoint is gone')
end
if status == 'disabled' then
  return redis.error_reply('CONFLICT the endpoint is disabled')
end
d.active = status == 'active'
restart(shard, d, now)
write_change()
return redis.call('HGETALL', d.delivery)
