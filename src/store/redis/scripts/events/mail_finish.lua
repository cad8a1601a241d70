-- Notes what came of a message, unless the claim was lost. It stays, as the mark that it was made, until it expires.
-- KEYS: message, messages that wait
-- ARGV: id, token of the claim, when it is tried again ('' for never)
-- Returns 1; 0 where the claim was lost.
local mail, waiting = key(), key()
local id, token, again_at = arg(), arg(), arg()
if redis.call('HGET', mail, 'claim') ~= token then
  return 0
end
redis.call('HDEL', mail, 'claim')
redis.call('HINCRBY', mail, 'attempts', 1)
if again_at == '' then
  redis.call('ZREM', waiting, id)
else
  redis.call('ZADD', waiting, again_at, id)
end
return 1
