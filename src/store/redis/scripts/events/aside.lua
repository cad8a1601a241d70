-- Cancels a claimed delivery that cannot be attempted, because its event or its endpoint is gone.
-- KEYS: delivery, queue, endpoint, due, queued, claims, finished, health, claimed
-- ARGV: id, endpoint's id, token of the claim, now
-- Returns 1; 0 when the claim was lost.
local shard, d = {}, {}
d.delivery, d.queue = key(), key()
local endpoint = key()
shard.due, shard.queued, shard.claims, shard.finished = key(), key(), key(), key()
d.health = key()
local claimed = key()
d.id, d.endpoint = arg(), arg()
local token, now = arg(), arg()
if redis.call('HGET', shard.claims, d.id) ~= token then
  return 0
end
if redis.call('HGET', d.delivery, 'state') == 'pending' then
  finish(shard, d, 'cancelled', now)
else
  unqueue(shard, d)
end
if redis.call('ZREM', claimed, d.id .. '.' .. token) == 1 then
  redis.call('HDEL', d.health, 'full_until')
end
if redis.call('HGET', endpoint, 'status') == 'active' then
  show(shard, d)
end
return 1
