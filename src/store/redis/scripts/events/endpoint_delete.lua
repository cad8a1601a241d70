-- Deletes an endpoint; what waits for it is to be cancelled.
-- KEYS: endpoint, roster, endpoints, queue, due, gone, health, claimed; the change's
-- ARGV: id, the roster's new revision, now; the change's
-- Returns 1 where attempts of it may be under way, else 0.
local endpoint, roster, endpoints, queue, due, gone = key(), key(), key(), key(), key(), key()
local health, claimed = key(), key()
local id, revision, now = arg(), arg(), arg()
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
local under_way = redis.call('ZCOUNT', claimed, '(' .. now, '+inf')
redis.call('DEL', health, claimed)
if redis.call('EXISTS', queue) == 1 then
  redis.call('SADD', gone, id)
end
write_change()
return under_way > 0 and 1 or 0
