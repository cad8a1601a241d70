-- Logs an attempt and ends or reschedules its delivery, unless the claim was lost or the delivery is gone.
-- KEYS: delivery, attempts, queue, endpoint, roster, due, queued, claims, finished, gone
-- ARGV: id, endpoint's id, token of the claim, the attempt, most attempts kept, 'succeeded', 'failed', 'retry' or
--   'disable', when to try again, now, reason of a disabling, the roster's new revision then
-- Returns 1; 0 when nothing was done.
local shard, d = {}, {}
d.delivery = key()
local attempts = key()
d.queue = key()
local endpoint, roster = key(), key()
shard.due, shard.queued, shard.claims, shard.finished = key(), key(), key(), key()
local gone = key()
d.id, d.endpoint = arg(), arg()
local token, attempt, kept, what, again_at, now, reason, revision =
  arg(), arg(), tonumber(arg()), arg(), arg(), arg(), arg(), arg()
if redis.call('HGET', shard.claims, d.id) ~= token or redis.call('HGET', d.delivery, 'state') ~= 'pending' then
  return 0
end
redis.call('HINCRBY', d.delivery, 'attempts', 1)
redis.call('RPUSH', attempts, attempt)
redis.call('LTRIM', attempts, -kept, -1)
if what == 'retry' then
  redis.call('HSET', d.delivery, 'next_attempt_at', again_at)
  redis.call('HDEL', shard.claims, d.id)
  redis.call('ZADD', d.queue, again_at, d.id)
elseif what == 'succeeded' then
  finish(shard, d, 'succeeded', now)
else
  finish(shard, d, 'failed', now)
end
local status = redis.call('HGET', endpoint, 'status')
if what == 'disable' then
  -- The first reason stays.
  if status and status ~= 'disabled' then
    redis.call('HSET', endpoint, 'status', 'disabled', 'disabled_reason', reason)
    redis.call('HINCRBY', endpoint, 'revision', 1)
    redis.call('HSET', roster, 'revision', revision, d.endpoint, 'disabled')
  end
  redis.call('ZREM', shard.due, d.endpoint)
  if redis.call('EXISTS', d.queue) == 1 then
    redis.call('SADD', gone, d.endpoint)
  end
elseif status == 'active' then
  show(shard, d)
end
return 1
