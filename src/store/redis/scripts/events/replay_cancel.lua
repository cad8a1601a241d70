-- Ends a job by hand.
-- KEYS: job, running, ended; the change's
-- ARGV: id, now; the change's
-- Returns the job's hash.
local job, running, ended = key(), key(), key()
local id, now = arg(), arg()
if changed() then
  return redis.call('HGETALL', job)
end
local refusal = refuse_answer()
if refusal then
  return refusal
end
local state = redis.call('HGET', job, 'state')
if not state then
  return redis.error_reply('NOTFOUND there is no such thing')
end
if state ~= 'running' then
  return redis.error_reply('CONFLICT the replay has ended')
end
redis.call('HSET', job, 'state', 'cancelled', 'finished_at', now)
redis.call('ZREM', running, id)
redis.call('ZADD', ended, now, id)
write_change()
return redis.call('HGETALL', job)
