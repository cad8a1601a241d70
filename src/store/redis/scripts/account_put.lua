-- Makes or replaces an account. KEYS: account, erasing mark, change.
-- ARGV: account id, plan, overrides, suspended (0 or 1), created at, channel, change.
-- Returns when it was made, its plan before or '', and 1 if it was made now.
if changed() then
  return { redis.call('HGET', KEYS[1], 'created') or ARGV[5], '', 0 }
end
local refused = refuse_answer()
if refused then
  return refused
end
local mark = redis.call('GET', KEYS[2])
if mark and mark ~= 'erased' then
  return redis.error_reply('CONFLICT the account is being erased')
end
local before = redis.call('HGET', KEYS[1], 'plan')
local made = redis.call('HSETNX', KEYS[1], 'created', ARGV[5])
redis.call('HSET', KEYS[1], 'plan', ARGV[2], 'overrides', ARGV[3], 'suspended', ARGV[4])
redis.call('DEL', KEYS[2])
redis.call('PUBLISH', ARGV[6], 'account ' .. ARGV[1])
write_change()
return { redis.call('HGET', KEYS[1], 'created'), before or '', made }
