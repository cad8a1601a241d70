-- Cancels some of what waits for an endpoint that is disabled or deleted.
-- KEYS: endpoint, queue, due, queued, claims, finished, gone; per delivery: delivery
-- ARGV: endpoint's id, now, number of deliveries; per delivery: id
-- Returns 1 while more waits.
local shard = {}
local endpoint, queue = key(), key()
shard.due, shard.queued, shard.claims, shard.finished = key(), key(), key(), key()
local gone = key()
local id, now, count = arg(), arg(), tonumber(arg())
local status = redis.call('HGET', endpoint, 'status')
if status and status ~= 'disabled' then
  redis.call('SREM', gone, id)
  return 0
end
redis.call('ZREM', shard.due, id)
for _ = 1, count do
  local d = { delivery = key(), queue = queue, id = arg() }
  if redis.call('HGET', d.delivery, 'state') == 'pending' then
    finish(shard, d, 'cancelled', now)
  else
    unqueue(shard, d)
  end
end
if redis.call('EXISTS', queue) == 1 then
  return 1
end
redis.call('SREM', gone, id)
return 0
