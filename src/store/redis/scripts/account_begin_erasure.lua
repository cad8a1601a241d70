-- Marks an account for erasure; one that is marked stays so. KEYS: account, erasing mark, how far the erasure came, change.
-- ARGV: account id, pseudonym, whether an account that is not there is marked too (0 or 1), now, channel, change. Returns 1.
if changed() then
  return 1
end
local refused = refuse_answer()
if refused then
  return refused
end
local mark = redis.call('GET', KEYS[2])
if not mark or mark == 'erased' then
  if redis.call('EXISTS', KEYS[1]) == 0 then
    if ARGV[3] == '0' then
      return redis.error_reply('NOTFOUND')
    end
    redis.call('HSET', KEYS[1], 'plan', '', 'overrides', '{}', 'suspended', '0', 'created', ARGV[4])
  end
  local time = redis.call('TIME')
  redis.call('HSET', KEYS[1], 'erasing', '1')
  redis.call('SET', KEYS[2], ARGV[2])
  redis.call('DEL', KEYS[3])
  redis.call('HSET', KEYS[3], 'begun', time[1])
  redis.call('PUBLISH', ARGV[5], 'account-gone ' .. ARGV[1])
end
write_change()
return 1
