-- Takes the mark of an erasure that has ended off an account.
-- KEYS: erasing
-- Returns 1 when it was there.
local erasing = key()
if redis.call('GET', erasing) == 'erased' then
  return redis.call('DEL', erasing)
end
return 0
