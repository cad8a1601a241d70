-- Deletes an inbox and what it caught.
-- KEYS: inbox, its messages, the account's inboxes; the change's
-- ARGV: id, now; the change's
-- Returns 1.
local inbox, messages, inboxes = key(), key(), key()
local id, now = arg(), tonumber(arg())
if changed() then
  return 1
end
local refusal = refuse_answer()
if refusal then
  return refusal
end
local expires = tonumber(redis.call('HGET', inbox, 'expires') or '0')
if expires <= now then
  return redis.error_reply('NOTFOUND there is no such thing')
end
redis.call('DEL', inbox, messages)
redis.call('HDEL', inboxes, id)
write_change()
return 1
