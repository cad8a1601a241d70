-- Deletes endpoints of an account that is being erased. What waits for them goes with its events.
-- KEYS: roster, endpoints, due, gone; per endpoint: endpoint, health, claimed
-- ARGV: the roster's new revision, number of endpoints; per endpoint: id
-- Returns 1.
local roster, endpoints, due, gone = key(), key(), key(), key()
local revision, count = arg(), tonumber(arg())
-- Late, when the erasure has ended: nothing may be left of the account then.
if redis.call('EXISTS', roster) == 0 then
  return 1
end
for _ = 1, count do
  local id = arg()
  redis.call('DEL', key(), key(), key())
  redis.call('HDEL', roster, id)
  redis.call('ZREM', endpoints, id)
  redis.call('ZREM', due, id)
  redis.call('SREM', gone, id)
end
redis.call('HSET', roster, 'revision', revision)
return 1
