-- Replaces a session of the portal, from its present revision only.
-- KEYS: erasing, session, the account's sessions
-- ARGV: id, revision, text, now, when it ends, ms until then
-- Returns 1.
local erasing, session, sessions = key(), key(), key()
local id, revision, text, now, ends, life = arg(), arg(), arg(), tonumber(arg()), arg(), tonumber(arg())
local known = redis.call('GET', session)
-- A session of another account has no place among this one's.
local known_ends = tonumber(redis.call('ZSCORE', sessions, id) or '0')
if not known or known_ends <= now or redis.call('GET', erasing) == 'erasing' then
  return redis.error_reply('NOTFOUND there is no such thing')
end
local new = revision .. '\n' .. text
if known == new then
  return 1
end
if tonumber(string.match(known, '^(%d+)\n')) ~= tonumber(revision) - 1 then
  return redis.error_reply('CONFLICT the session was changed meanwhile')
end
redis.call('SET', session, new, 'PX', life)
redis.call('ZADD', sessions, ends, id)
if redis.call('PTTL', sessions) < life then
  redis.call('PEXPIRE', sessions, life)
end
return 1
