-- Puts a message into an inbox, once for its id; the oldest beyond the bounds go.
-- KEYS: inbox, its messages
-- ARGV: now, id of the message, the message, most messages, most bytes of them
-- Returns 1.
local inbox, messages = key(), key()
local now, id, message, most, bytes = tonumber(arg()), arg(), arg(), tonumber(arg()), tonumber(arg())
local expires = tonumber(redis.call('HGET', inbox, 'expires') or '0')
if expires <= now then
  return redis.error_reply('NOTFOUND there is no such thing')
end
if redis.call('HSETNX', messages, id, message) == 0 then
  return 1
end
local left = redis.call('PTTL', inbox)
if left > 0 then
  redis.call('PEXPIRE', messages, left)
end
-- Ids sort by when messages came.
local ids = redis.call('HKEYS', messages)
table.sort(ids)
local size, place = 0, 0
for i = #ids, 1, -1 do
  size, place = size + redis.call('HSTRLEN', messages, ids[i]), place + 1
  if place > most or size > bytes then
    redis.call('HDEL', messages, ids[i])
  end
end
return 1
