-- Makes those of an account's keys that are not there, a piece of them, and the account where there is none.
-- KEYS: account, erasing mark, ids of keys, live keys, then for each key its record and the marks that keep it from its
-- digests…. ARGV: default plan, whether the account may be made here, channel, account id, number of keys, then for each
-- key id, record, expiry score, created at, number of its digests. What precedes this may add to both at the end.
-- Returns 'OK', 'MADE' if it made the account too, 'AGAIN' where the account would have to be made and may not.
local mark = redis.call('GET', KEYS[2])
if mark and mark ~= 'erased' then
  return redis.error_reply('CONFLICT the account is being erased')
end
local count = tonumber(ARGV[5])
local makes_account = count > 0 and redis.call('EXISTS', KEYS[1]) == 0
if makes_account and ARGV[2] == '0' then
  return 'AGAIN'
end
-- All is looked at before anything is written.
local at, missing = 5, {}
for n = 0, count - 1 do
  local arg = 6 + 5 * n
  local marks = tonumber(ARGV[arg + 4])
  -- One that is there was made when this very call was sent before.
  if redis.call('EXISTS', KEYS[at]) == 0 then
    for i = at + 1, at + marks do
      if redis.call('EXISTS', KEYS[i]) == 1 then
        return redis.error_reply('CONFLICT a digest belongs to another key')
      end
    end
    missing[#missing + 1] = { KEYS[at], arg }
  end
  at = at + 1 + marks
end
if makes_account then
  redis.call('HSET', KEYS[1], 'plan', ARGV[1], 'overrides', '{}', 'suspended', '0', 'created', ARGV[9])
  redis.call('DEL', KEYS[2])
  redis.call('PUBLISH', ARGV[3], 'account ' .. ARGV[4])
end
for _, key in ipairs(missing) do
  local arg = key[2]
  redis.call('SET', key[1], ARGV[arg + 1])
  redis.call('ZADD', KEYS[3], 0, ARGV[arg])
  redis.call('ZADD', KEYS[4], ARGV[arg + 2], ARGV[arg])
end
if #missing > 0 then
  redis.call('PUBLISH', ARGV[3], 'keys-added')
end
if write_import then
  write_import()
end
return makes_account and 'MADE' or 'OK'
