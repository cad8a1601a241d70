-- Writes how far a job came, and ends it where it came to the end.
-- KEYS: job, running, ended
-- ARGV: id, token of the claim, deliveries that were started anew in all, where to go on ('' at the end), until when it is
--   claimed on, now
-- Returns 1; 0 where the claim was lost or the job was ended by hand.
local job, running, ended = key(), key(), key()
local id, token, done, cursor, till, now = arg(), arg(), arg(), arg(), arg(), arg()
local known = redis.call('HMGET', job, 'state', 'claim')
if known[2] ~= token then
  return 0
end
if known[1] ~= 'running' then
  return known[1] == 'done' and cursor == '' and 1 or 0
end
redis.call('HSET', job, 'done', done, 'cursor', cursor)
if cursor == '' then
  redis.call('HSET', job, 'state', 'done', 'finished_at', now)
  redis.call('ZREM', running, id)
  redis.call('ZADD', ended, now, id)
else
  redis.call('ZADD', running, till, id)
end
return 1
