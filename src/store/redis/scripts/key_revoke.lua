-- Revokes keys of an account, a piece of them: the first piece writes the change.
-- KEYS: live keys, records…, change. ARGV: now, channel, account id, ids of the keys…, change.
-- Returns the ids of those that were revoked by this change, were it called before or not.
if not changed() then
  local refused = refuse_answer()
  if refused then
    return refused
  end
  write_change()
end
local ids = {}
for i = 2, #KEYS - 2 do
  local id = ARGV[i + 2]
  local used, revision, revoked, expires, digests, rest = key_parts(redis.call('GET', KEYS[i]))
  if revoked == '-' then
    revoked = ARGV[1]
    redis.call('SET', KEYS[i], string.format('%s%.0f %s %s %s\n', used, revision + 1, revoked, expires, digests) .. rest)
  end
  if revoked == ARGV[1] then
    ids[#ids + 1] = id
  end
  redis.call('ZREM', KEYS[1], id)
end
if #ids > 0 then
  redis.call('PUBLISH', ARGV[2], 'account-keys ' .. ARGV[3])
end
return ids
