-- Replaces the settings of an account's alerts.
-- KEYS: erasing, the shard's alerts; the change's
-- ARGV: account, the settings' new revision, their text; the change's
-- Returns 1.
local erasing, alerts = key(), key()
local account, revision, text = arg(), tonumber(arg()), arg()
if changed() then
  return 1
end
local refusal = refuse_answer()
if refusal then
  return refusal
end
if redis.call('GET', erasing) == 'erasing' then
  return redis.error_reply('CONFLICT the account is being erased')
end
local there = redis.call('HGET', alerts, account)
local known = there and tonumber(string.match(there, '^%d+')) or 0
if known + 1 ~= revision then
  return redis.error_reply('CONFLICT the alerts were changed meanwhile')
end
redis.call('HSET', alerts, account, revision .. '\n' .. text)
write_change()
return 1
