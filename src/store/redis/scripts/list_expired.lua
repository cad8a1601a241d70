-- Takes a member out of a list by expiry, unless it was given a later one meanwhile. KEYS: the list. ARGV: the member,
-- now in ms. Returns 1 if it is gone.
local ends = redis.call('ZSCORE', KEYS[1], ARGV[1])
if ends and tonumber(ends) > tonumber(ARGV[2]) then
  return 0
end
redis.call('ZREM', KEYS[1], ARGV[1])
return 1
