-- Replaces an endpoint. What waits for it is due again, waits on, or is to be cancelled, as its status says.
-- KEYS: endpoint, roster, queue, due, gone, health; the change's
-- ARGV: id, the revision that it must have, its status, the roster's new revision, the endpoint's line in it, number of
--   fields' names and values, these; the change's
-- Returns 1.
local shard, d = {}, {}
local endpoint, roster = key(), key()
d.queue = key()
shard.due = key()
local gone = key()
d.health = key()
d.endpoint = arg()
local before, status, revision, line = arg(), arg(), arg(), arg()
local values = fields()
if changed() then
  return 1
end
local refusal = refuse_answer()
if refusal then
  return refusal
end
local known = redis.call('HGET', endpoint, 'revision')
if not known then
  return redis.error_reply('NOTFOUND there is no such thing')
end
if known ~= before then
  return redis.error_reply('CONFLICT the endpoint was changed meanwhile')
end
local was = redis.call('HMGET', endpoint, 'status', 'url')
redis.call('HDEL', endpoint, 'description', 'disabled_reason')
redis.call('HSET', endpoint, unpack(values))
if was[1] == 'disabled' or was[2] ~= redis.call('HGET', endpoint, 'url') then
  -- Somebody changed where it leads, or enabled it again: how it fared does not count any more.
  redis.call('DEL', d.health)
end
redis.call('HSET', roster, 'revision', revision, d.endpoint, line)
if status == 'active' then
  show(shard, d)
else
  redis.call('ZREM', shard.due, d.endpoint)
end
if status == 'disabled' and redis.call('EXISTS', d.queue) == 1 then
  redis.call('SADD', gone, d.endpoint)
else
  redis.call('SREM', gone, d.endpoint)
end
write_change()
return 1
