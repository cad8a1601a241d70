-- Takes an account out of the accounts of a plan, unless it was put there a short while ago.
-- KEYS: the names of plans, the accounts of the plan. ARGV: account id, plan, ms for which an entry is left.
-- Returns 1 if it was taken out.
local since = redis.call('ZSCORE', KEYS[2], ARGV[1])
local time = redis.call('TIME')
if not since or tonumber(since) > time[1] * 1000 + math.floor(time[2] / 1000) - tonumber(ARGV[3]) then
  return 0
end
redis.call('ZREM', KEYS[2], ARGV[1])
if redis.call('EXISTS', KEYS[2]) == 0 then
  redis.call('SREM', KEYS[1], ARGV[2])
end
return 1
