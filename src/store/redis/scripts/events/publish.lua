-- Records and releases an event at once with deliveries to the endpoints that the caller chose; leaves one that is there
-- as it is, and then makes or restarts deliveries only where `again` says so.
-- KEYS: erasing, roster, sequence, position, event, targets, events, events:account, events:type, due, queued,
--   deliveries, claims, finished, events:released; per delivery: delivery, queue, sent; the change's
-- ARGV: account, revision of the roster, now, id, type, 1 for `again`, number of fields' names and values, these, number
--   of deliveries; per delivery: id, endpoint, 1 where that is active; the change's
-- Returns the event's hash, the first delivery's id and its hash; nothing, and does nothing, when the roster has another revision or
--   the event another delivery for an endpoint.
local shard = {}
local erasing, roster, sequence, position = key(), key(), key(), key()
local event, targets, events, of_account, of_type = key(), key(), key(), key(), key()
shard.due, shard.queued, shard.deliveries, shard.claims, shard.finished = key(), key(), key(), key(), key()
local released = key()
local account, revision, now, id, event_type, again = arg(), arg(), arg(), arg(), arg(), arg() == '1'
local values = fields()
local deliveries = take_deliveries()

local function answer()
  local first = deliveries[1]
  if not first then
    return { redis.call('HGETALL', event), '', {} }
  end
  return { redis.call('HGETALL', event), first.id, redis.call('HGETALL', first.delivery) }
end

if changed() then
  return answer()
end
local refusal = refuse_answer()
if refusal then
  return refusal
end
if redis.call('GET', erasing) == 'erasing' then
  return redis.error_reply('CONFLICT the account is being erased')
end
local owner = redis.call('HGET', event, 'account')
if owner and owner ~= account then
  return redis.error_reply("CONFLICT the event's id belongs to another account")
end
if (redis.call('HGET', roster, 'revision') or '') ~= revision or not are_known(targets, deliveries) then
  return false
end
if not owner then
  local place = next_position(position)
  local number = redis.call('INCR', sequence)
  redis.call('HSET', event, 'recorded_at', now, 'sequence', number, unpack(values))
  redis.call('ZADD', released, number, id)
  redis.call('ZADD', events, place, id)
  redis.call('ZADD', of_account, place, id)
  redis.call('ZADD', of_type, place, id)
end
if again or not owner then
  for _, d in ipairs(deliveries) do
    if not make(shard, d, targets, id, account, event_type, now) then
      restart(shard, d, now)
    end
  end
end
write_change()
return answer()
