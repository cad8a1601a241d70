-- Ends the erasure of an account's events unless something is left.
-- KEYS: events:account, roster, sequence, erasing
-- ARGV: seconds for which what comes late is still left out
-- Returns 1 when it ended.
local of_account, roster, sequence, erasing = key(), key(), key(), key()
if redis.call('EXISTS', of_account) == 1 then
  return 0
end
-- One of the roster's fields is its revision.
if redis.call('HLEN', roster) - redis.call('HEXISTS', roster, 'revision') > 0 then
  return 0
end
redis.call('DEL', roster, sequence)
redis.call('SET', erasing, 'erased', 'EX', arg())
return 1
