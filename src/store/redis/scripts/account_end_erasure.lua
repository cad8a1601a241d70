-- Deletes an account of which nothing else is left, and leaves the mark for a while, so that what comes late is left out.
-- KEYS: account, erasing mark, how far the erasure came, ids of keys, live keys. ARGV: account id, ms for which the mark
-- stays, channel. Returns 1 if the account is gone, 0 while it has keys.
if redis.call('ZCARD', KEYS[4]) > 0 then
  return 0
end
local mark = redis.call('GET', KEYS[2])
if mark and mark ~= 'erased' then
  redis.call('DEL', KEYS[1], KEYS[3], KEYS[5])
  redis.call('SET', KEYS[2], 'erased', 'PX', ARGV[2])
  redis.call('PUBLISH', ARGV[3], 'account-erased ' .. ARGV[1])
end
return 1
