-- Deletes an endpoint; what waits for it is to be cancelled.
-- KEYS: endpoint, roster, endpoints, queue, due, gone; the change's
-- ARGV: id, the roster's new revision; the change's
-- Returns 1.
local endpoint, roster, endpoints, queue, due, gone = key(), key(), key(), key(), key(), key()
local id, revision = arg(), arg()
if changed() then
  return 1
end
local refusal = refuse_answer()
if refusal then
  return refusal
end
if redis.call('DEL', endpoint) == 0 then
  return redis.error_reply('NOTFOUND there is no such thing')
end
redis.call('HDEL', roster, id)
redis.call('HSET', roster, 'revision', revision)
redis.call('ZREM', endpoints, id)
redis.call('ZREM', due, id)
if redis.call('EXISTS', queue) == 1 then
  redis.call('SADD', gone, id)
end
write_change()
return 1
