-- Puts a message in line, unless it is there already or its account has no alerts: an erasure begins with those.
-- KEYS: alerts, message, messages that wait, the account's messages
-- ARGV: account, id, its text, now, ms that it is kept, when that ends, token
-- Returns 1 where this token put it, else 0.
local alerts, mail, waiting, of_account = key(), key(), key(), key()
local account, id, text, now, life, kept_until, token = arg(), arg(), arg(), arg(), arg(), arg(), arg()
if redis.call('EXISTS', mail) == 1 then
  return redis.call('HGET', mail, 'made') == token and 1 or 0
end
if redis.call('HEXISTS', alerts, account) == 0 then
  return 0
end
redis.call('HSET', mail, 'mail', text, 'attempts', 0, 'made', token)
redis.call('PEXPIRE', mail, life)
redis.call('ZADD', waiting, now, id)
redis.call('ZREMRANGEBYSCORE', of_account, '-inf', now)
redis.call('ZADD', of_account, kept_until, id)
-- As long as the longest of them.
if redis.call('PTTL', of_account) < tonumber(life) then
  redis.call('PEXPIRE', of_account, life)
end
return 1
