-- Takes a message that is due, for a time.
-- KEYS: message, messages that wait
-- ARGV: id, now, until when, token
-- Returns its text and how many attempts it had; nothing where somebody has it, or it is gone.
local mail, waiting = key(), key()
local id, now, till, token = arg(), tonumber(arg()), arg(), arg()
local known = redis.call('HMGET', mail, 'mail', 'attempts', 'claim')
if not known[1] then
  redis.call('ZREM', waiting, id)
  return false
end
if known[3] ~= token then
  local due = redis.call('ZSCORE', waiting, id)
  if not due or tonumber(due) > now then
    return false
  end
  redis.call('HSET', mail, 'claim', token)
  redis.call('ZADD', waiting, till, id)
end
return { known[1], known[2] }
