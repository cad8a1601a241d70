-- Writes what leads to an account. KEYS: the list of accounts, the names of plans, the accounts of its plan by when they were
-- put there. ARGV: account id, plan or '' for none. Returns 1.
redis.call('ZADD', KEYS[1], 0, ARGV[1])
if ARGV[2] ~= '' then
  local time = redis.call('TIME')
  redis.call('SADD', KEYS[2], ARGV[2])
  redis.call('ZADD', KEYS[3], string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000)), ARGV[1])
end
return 1
