-- Ends a session of the portal.
-- KEYS: session, the account's sessions
-- ARGV: id
-- Returns 1.
local session, sessions = key(), key()
local id = arg()
-- A session of another account has no place among this one's.
if redis.call('ZREM', sessions, id) == 1 then
  redis.call('DEL', session)
end
return 1
