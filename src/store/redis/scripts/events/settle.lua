-- Settles pending events of one account; what is not pending is left alone, so that a second call does nothing.
-- KEYS: roster, sequence, events, events:account, events:pending, pending_since, events:unresolved, due, queued,
--   deliveries, events:released; per event: event, dropped, events:type; of a release: event and targets under the id
--   that it has from then on; per delivery of it: delivery, queue, sent
-- ARGV: account, revision of the roster that deliveries were chosen by, now, seconds that an id is remembered which is
--   gone, number of events; per event: id, 'release', 'drop' or 'unresolved'; of a release: the id that it has from then on,
--   number of fields' names and values, these, number of deliveries; per delivery: id, endpoint, 1 where that is active
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
  s.event, s.dropped, s.of_type = key(), key(), key()
  s.id, s.what = arg(), arg()
  if s.what == 'release' then
    s.released, s.targets = key(), key()
    s.last = arg()
    s.fields = fields()
    s.deliveries = take_deliveries()
  end
  steps[i] = s
end
if (redis.call('HGET', roster, 'revision') or '') ~= revision then
  return false
end

-- Forgets an id. A record of it may still be held up on a connection that its caller has given up.
local function forget(s)
  redis.call('SET', s.dropped, '', 'EX', memory)
  redis.call('ZREM', events, s.id)
  redis.call('ZREM', of_account, s.id)
  redis.call('ZREM', s.of_type, s.id)
end

-- Gives an event its last id, in its place among the others.
local function rename(s)
  local place = redis.call('ZSCORE', events, s.id) or 0
  forget(s)
  redis.call('RENAME', s.event, s.released)
  redis.call('ZADD', events, place, s.last)
  redis.call('ZADD', of_account, place, s.last)
  redis.call('ZADD', s.of_type, place, s.last)
end

for _, s in ipairs(steps) do
  local known = redis.call('HMGET', s.event, 'account', 'state', 'type')
  if known[1] == account and known[2] == 'pending' then
    redis.call('ZREM', pending, s.id)
    redis.call('ZREM', pending_since, s.id)
    if s.what == 'release' and s.last ~= s.id then
      if redis.call('EXISTS', s.released) == 1 then
        -- The same event, told again.
        s.what = 'drop'
      else
        rename(s)
      end
    end
    if s.what == 'release' then
      local number = redis.call('INCR', sequence)
      redis.call('HSET', s.released, 'state', 'released', 'sequence', number, unpack(s.fields))
      redis.call('ZADD', released, number, s.last)
      for _, d in ipairs(s.deliveries) do
        make(shard, d, s.targets, s.last, account, known[3], now)
      end
    elseif s.what == 'drop' then
      redis.call('DEL', s.event)
      forget(s)
    else
      redis.call('HSET', s.event, 'state', 'unresolved')
      redis.call('ZADD', unresolved, redis.call('ZSCORE', events, s.id) or 0, s.id)
    end
  end
end
return 1
