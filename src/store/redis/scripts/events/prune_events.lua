-- Deletes those of some events that are released, old and without deliveries.
-- KEYS: events; per event: event, targets, events:account, events:type, events:released
-- ARGV: before when they must have been recorded, number of events; per event: id
-- Returns how many went.
local events = key()
local before, count = tonumber(arg()), tonumber(arg())
local gone = 0
for _ = 1, count do
  local event, targets, of_account, of_type, released = key(), key(), key(), key(), key()
  local id = arg()
  local known = redis.call('HMGET', event, 'state', 'recorded_at')
  if known[1] == 'released' and tonumber(known[2]) < before and redis.call('EXISTS', targets) == 0 then
    redis.call('DEL', event)
    redis.call('ZREM', events, id)
    redis.call('ZREM', of_account, id)
    redis.call('ZREM', of_type, id)
    redis.call('ZREM', released, id)
    gone = gone + 1
  end
end
return gone
