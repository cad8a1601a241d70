-- Prelude, after next.lua: moves deliveries through the queues of their endpoints. `shard` has the names of the shard's
-- own keys by what they hold (due, queued, deliveries, claims, finished), as far as the function at hand needs them.

-- Deliveries as the caller lists them: their keys, ids, endpoints and whether these are active.
local function take_deliveries()
  local all = {}
  for i = 1, tonumber(arg()) do
    local d = {}
    d.delivery, d.queue, d.sent, d.health = key(), key(), key(), key()
    d.id, d.endpoint, d.active = arg(), arg(), arg() == '1'
    all[i] = d
  end
  return all
end

-- Endpoints whose last attempt failed lie in `due` so far behind all others that they are a part of it of their own.
local SUSPECT = 1e15

local function number(n)
  return string.format('%.0f', n)
end

-- Says when the first delivery of an active endpoint may be taken: not before it is due, not while the endpoint is held
-- off, and not while it has as many attempts under way as it may have. One for which nothing waits is not in line at all.
local function show(shard, d)
  local first = redis.call('ZRANGE', d.queue, 0, 0, 'WITHSCORES')
  if not first[2] then
    redis.call('ZREM', shard.due, d.endpoint)
    return
  end
  local health = redis.call('HMGET', d.health, 'failures', 'hold_until', 'full_until')
  local at = math.max(tonumber(first[2]), tonumber(health[2] or 0), tonumber(health[3] or 0))
  if tonumber(health[1] or 0) > 0 then
    at = at + SUSPECT
  end
  redis.call('ZADD', shard.due, number(at), d.endpoint)
end

local function enqueue(shard, d, now)
  redis.call('ZADD', d.queue, now, d.id)
  redis.call('ZADD', shard.queued, now, d.id)
  if d.active then
    show(shard, d)
  end
end

-- Makes a delivery of an event, due at once, unless its endpoint has one already. True when it was made.
local function make(shard, d, targets, event_id, account, event_type, now)
  if redis.call('HSETNX', targets, d.endpoint, d.id) == 0 then
    return false
  end
  redis.call('HSET', d.delivery, 'event', event_id, 'endpoint', d.endpoint, 'account', account, 'type', event_type,
    'state', 'pending', 'attempts', 0, 'next_attempt_at', now, 'created_at', now)
  redis.call('ZADD', shard.deliveries, 0, d.id)
  redis.call('ZADD', d.sent, 0, d.id)
  enqueue(shard, d, now)
  return true
end

-- Whether each delivery is the one that the event has for its endpoint, or the event has none for it yet.
local function are_known(targets, deliveries)
  for _, d in ipairs(deliveries) do
    local known = redis.call('HGET', targets, d.endpoint)
    if known and known ~= d.id then
      return false
    end
  end
  return true
end

-- Starts the schedule of a delivery anew, whatever its state; a claim on it is lost.
local function restart(shard, d, now)
  redis.call('HSET', d.delivery, 'state', 'pending', 'attempts', 0, 'next_attempt_at', now)
  redis.call('HDEL', d.delivery, 'finished_at')
  redis.call('HDEL', shard.claims, d.id)
  redis.call('ZREM', shard.finished, d.id)
  enqueue(shard, d, now)
end

-- Takes a delivery out of its queue. Whoever calls it says what is due then.
local function unqueue(shard, d)
  redis.call('ZREM', d.queue, d.id)
  redis.call('ZREM', shard.queued, d.id)
  redis.call('HDEL', shard.claims, d.id)
end

local function finish(shard, d, state, now)
  redis.call('HSET', d.delivery, 'state', state, 'finished_at', now)
  redis.call('HDEL', d.delivery, 'next_attempt_at')
  unqueue(shard, d)
  redis.call('ZADD', shard.finished, now, d.id)
end
