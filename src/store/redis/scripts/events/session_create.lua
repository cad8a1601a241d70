-- Makes a session of the portal.
-- KEYS: erasing, session, the account's sessions; the change's
-- ARGV: id, revision, text, now, when it ends, ms until then, ended ones that go at once, most sessions of an account; the
--   change's
-- Returns 1.
local erasing, session, sessions = key(), key(), key()
local id, revision, text, now, ends, life, step, most =
  arg(), arg(), arg(), arg(), arg(), tonumber(arg()), arg(), tonumber(arg())
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
if redis.call('ZCOUNT', sessions, '(' .. now, '+inf') >= most then
  return redis.error_reply('CONFLICT the account has as many sessions as it may')
end
if redis.call('EXISTS', session) == 1 then
  return redis.error_reply('CONFLICT there is such a session')
end
-- Those that ended are gone by themselves, but for their names.
local ended = redis.call('ZRANGEBYSCORE', sessions, '-inf', now, 'LIMIT', 0, step)
if #ended > 0 then
  redis.call('ZREM', sessions, unpack(ended))
end
redis.call('SET', session, revision .. '\n' .. text, 'PX', life)
redis.call('ZADD', sessions, ends, id)
if redis.call('PTTL', sessions) < life then
  redis.call('PEXPIRE', sessions, life)
end
write_change()
return 1
