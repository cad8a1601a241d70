-- Takes a running job that nobody has, for a time.
-- KEYS: job, running
-- ARGV: id, now, until when, token
-- Returns the job's hash; nothing where somebody has it or it has ended.
local job, running = key(), key()
local id, now, till, token = arg(), tonumber(arg()), arg(), arg()
local known = redis.call('HMGET', job, 'state', 'claim')
if known[1] ~= 'running' then
  redis.call('ZREM', running, id)
  return false
end
if known[2] ~= token then
  if tonumber(redis.call('ZSCORE', running, id) or 0) > now then
    return false
  end
  redis.call('HSET', job, 'claim', token)
  redis.call('ZADD', running, till, id)
end
return redis.call('HGETALL', job)
