-- Makes or restarts an event's deliveries to the endpoints that the caller chose; releases an unresolved event.
-- KEYS: erasing, roster, sequence, event, targets, events:unresolved, due, queued, deliveries, claims, finished,
--   events:released; per delivery: delivery, queue, sent; the change's
-- ARGV: account, revision of the roster, now, id, data for want of the event's own, number of deliveries; per delivery:
--   id, endpoint, 1 where that is active; the change's
-- Returns the event's hash; nothing, and does nothing, when the roster has another revision or the event another delivery
--   for an endpoint.
local shard = {}
local erasing, roster, sequence, event, targets, unresolved = key(), key(), key(), key(), key(), key()
shard.due, shard.queued, shard.deliveries, shard.claims, shard.finished = key(), key(), key(), key(), key()
local released = key()
local account, revision, now, id, data = arg(), arg(), arg(), arg(), arg()
local deliveries = take_deliveries()
if changed() then
  return redis.call('HGETALL', event)
end
local refusal = refuse_answer()
if refusal then
  return refusal
end
local known = redis.call('HMGET', event, 'account', 'state', 'type', 'data')
if known[1] ~= account then
  return redis.error_reply('NOTFOUND there is no such thing')
end
if redis.call('GET', erasing) == 'erasing' then
  return redis.error_reply('CONFLICT the account is being erased')
end
if known[2] == 'pending' then
  return redis.error_reply("CONFLICT the event's request is still under way")
end
if (redis.call('HGET', roster, 'revision') or '') ~= revision or not are_known(targets, deliveries) then
  return false
end
if known[2] == 'unresolved' then
  local number = redis.call('INCR', sequence)
  redis.call('HSET', event, 'state', 'released', 'sequence', number)
  redis.call('ZADD', released, number, id)
  redis.call('ZREM', unresolved, id)
  if not known[4] then
    -- What is given for want of the event's own data holds no more than ids.
    redis.call('HSET', event, 'data', data, 'truncated', 1)
  end
end
for _, d in ipairs(deliveries) do
  if not make(shard, d, targets, id, account, known[3], now) then
    restart(shard, d, now)
  end
end
write_change()
return redis.call('HGETALL', event)
