-- Settles pending events of one account; what is not pending is left alone, so that a second call does nothing.
-- KEYS: roster, sequence, events, events:account, events:pending, pending_since, events:unresolved, due, queued,
--   deliveries, events:released; per event: event, targets, dropped, events:type; per delivery of its release: delivery, queue, sent
-- ARGV: account, revision of the roster that deliveries were chosen by, now, seconds that a dropped event is remembered,
--   number of events; per event: id, 'release',
--   'drop' or 'unresolved'; of a release: number of fields' names and values, these, number of deliveries; per delivery:
--   id, endpoint, 1 where that is active
-- Returns 1; nothing, and does nothing, when the account's roster has another revision.
local shard = {}
local roster, sequence, events, of_account = key(), key(), key(), key()
local pending, pending_since, unresolved = key(), key(), key()
shard.due, shard.queued, shard.deliveries = key(), key(), key()
local released = key()
local account, revision, now, memory, count = arg(), arg(), arg(), arg(), tonumber(arg())
local steps = {}
for i = 1, count do
  local s = {}
  s.event, s.targets, s.dropped, s.of_type = key(), key(), key(), key()
  s.id, s.what = arg(), arg()
  if s.what == 'release' then
    s.fields = fields()
    s.deliveries = take_deliveries()
  end
  steps[i] = s
end
if (redis.call('HGET', roster, 'revision') or '') ~= revision then
  return false
end
for _, s in ipairs(steps) do
  local known = redis.call('HMGET', s.event, 'account', 'state', 'type')
  if known[1] == account and known[2] == 'pending' then
    redis.call('ZREM', pending, s.id)
    redis.call('ZREM', pending_since, s.id)
    if s.what == 'release' then
      local number = redis.call('INCR', sequence)
      redis.call('HSET', s.event, 'state', 'released', 'sequence', number, unpack(s.fields))
      redis.call('ZADD', released, number, s.id)
      for _, d in ipairs(s.deliveries) do
        make(shard, d, s.targets, s.id, account, known[3], now)
      end
    elseif s.what == 'drop' then
      redis.call('SET', s.dropped, '', 'EX', memory)
      redis.call('DEL', s.event)
      redis.call('ZREM', events, s.id)
      redis.call('ZREM', of_account, s.id)
      redis.call('ZREM', s.of_type, s.id)
    else
      redis.call('HSET', s.event, 'state', 'unresolved')
      redis.call('ZADD', unresolved, redis.call('ZSCORE', events, s.id) or 0, s.id)
    end
  end
end
return 1
