-- Makes an inbox.
-- KEYS: erasing, inbox, the account's inboxes; the change's
-- ARGV: id, most inboxes of an account, now, when it expires, ms until then, ms that the longest of all lives, number of
--   fields' names and values, these; the change's
-- Returns 1.
local erasing, inbox, inboxes = key(), key(), key()
local id, most, now, expires, life, longest = arg(), tonumber(arg()), tonumber(arg()), arg(), arg(), arg()
local values = fields()
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
local all, living = redis.call('HGETALL', inboxes), 0
for i = 1, #all, 2 do
  if tonumber(all[i + 1]) > now then
    living = living + 1
  else
    redis.call('HDEL', inboxes, all[i])
  end
end
if living >= most then
  return redis.error_reply('CONFLICT the account has as many inboxes as it may')
end
if redis.call('EXISTS', inbox) == 1 then
  return redis.error_reply('CONFLICT there is such an inbox')
end
redis.call('HSET', inbox, unpack(values))
redis.call('PEXPIRE', inbox, life)
redis.call('HSET', inboxes, id, expires)
redis.call('PEXPIRE', inboxes, longest)
write_change()
return 1
