-- Replaces a key's record, all but its last use.
-- KEYS: record, live keys, the marks that keep the key from its digests…, change.
-- ARGV: key id, revision that the record must have, second and third line of the record, expiry score or '' for a revoked
-- key, channel, change. Returns 1.
if changed() then
  return 1
end
local refused = refuse_answer()
if refused then
  return refused
end
local used, revision = key_parts(redis.call('GET', KEYS[1]))
if not used then
  return redis.error_reply('NOTFOUND')
end
if revision ~= tonumber(ARGV[2]) then
  return redis.error_reply('CONFLICT the key was changed meanwhile')
end
for i = 3, #KEYS - 2 do
  if redis.call('EXISTS', KEYS[i]) == 1 then
    return redis.error_reply('CONFLICT a digest belongs to another key')
  end
end
redis.call('SET', KEYS[1], used .. ARGV[3])
if ARGV[4] == '' then
  redis.call('ZREM', KEYS[2], ARGV[1])
else
  redis.call('ZADD', KEYS[2], ARGV[4], ARGV[1])
end
redis.call('PUBLISH', ARGV[5], 'key ' .. ARGV[1])
write_change()
return 1
