-- Makes a key, and its account where there is none.
-- KEYS: account, erasing mark, ids of keys, live keys, record, the marks that keep the key from its digests…, change.
-- ARGV: key id, record, expiry score, default plan, created at, most live keys, now, whether the account may be made here
-- (1 where its index entries are written, else 0), channel, account id, change.
-- Returns 'OK', 'MADE' if it made the account too, 'AGAIN' where the account would have to be made and may not.
if changed() then
  return 'OK'
end
local refused = refuse_answer()
if refused then
  return refused
end
local mark = redis.call('GET', KEYS[2])
if mark and mark ~= 'erased' then
  return redis.error_reply('CONFLICT the account is being erased')
end
local makes_account = redis.call('EXISTS', KEYS[1]) == 0
if makes_account and ARGV[8] == '0' then
  return 'AGAIN'
end
for i = 6, #KEYS - 2 do
  if redis.call('EXISTS', KEYS[i]) == 1 then
    return redis.error_reply('CONFLICT a digest belongs to another key')
  end
end
if redis.call('EXISTS', KEYS[5]) == 1 then
  return redis.error_reply('CONFLICT there is a key with this id')
end
if redis.call('ZCOUNT', KEYS[4], '(' .. ARGV[7], '+inf') >= tonumber(ARGV[6]) then
  return redis.error_reply('CONFLICT the account has as many keys as its plan allows')
end
if makes_account then
  redis.call('HSET', KEYS[1], 'plan', ARGV[4], 'overrides', '{}', 'suspended', '0', 'created', ARGV[5])
  redis.call('DEL', KEYS[2])
  redis.call('PUBLISH', ARGV[9], 'account ' .. ARGV[10])
end
redis.call('SET', KEYS[5], ARGV[2])
redis.call('ZADD', KEYS[3], 0, ARGV[1])
redis.call('ZADD', KEYS[4], ARGV[3], ARGV[1])
redis.call('PUBLISH', ARGV[9], 'keys-added')
write_change()
return makes_account and 'MADE' or 'OK'
