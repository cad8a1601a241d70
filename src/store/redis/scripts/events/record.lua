-- Records pending events, all of them, unless their accounts are being erased, they are there already, or were
-- dropped or got their last ids a moment ago: then the call was held up on a connection that its caller has given up.
-- KEYS: position, events, events:pending, pending_since; per event: erasing, event, dropped, events:account, events:type
-- ARGV: when, number of events; per event: id, number of its fields' names and values, these
-- Returns which were left out because their accounts were erased a while ago, counted from 0.
local position, events, pending, pending_since = key(), key(), key(), key()
local now, count = arg(), tonumber(arg())
local left_out = {}
for i = 0, count - 1 do
  local erasing, event, dropped, of_account, of_type = key(), key(), key(), key(), key()
  local id, values = arg(), fields()
  local mark = redis.call('GET', erasing)
  if mark == 'erased' then
    left_out[#left_out + 1] = i
  elseif not mark and redis.call('EXISTS', event, dropped) == 0 then
    local place = next_position(position)
    redis.call('HSET', event, 'recorded_at', now, unpack(values))
    redis.call('ZADD', events, place, id)
    redis.call('ZADD', of_account, place, id)
    redis.call('ZADD', of_type, place, id)
    redis.call('ZADD', pending, place, id)
    redis.call('ZADD', pending_since, now, id)
  end
end
return left_out
