-- Claims deliveries that are due from the queues of active endpoints, of each the oldest due first.
-- KEYS: due, claims, claim; per endpoint: queue, health, claimed
-- ARGV: now, when the claim ends, token, milliseconds for which a second call with the same token gets the same answer,
--   most attempts under way to one endpoint, the same of one that had no success, milliseconds between attempts to one,
--   number of endpoints; per endpoint: id, most deliveries
-- Returns the endpoint, the id and the due time of each claimed delivery.
local shard = { due = key() }
local claims, claim = key(), key()
local now, till, token, kept_ms = tonumber(arg()), arg(), arg(), arg()
local most, untried, spacing = tonumber(arg()), tonumber(arg()), tonumber(arg())
if redis.call('EXISTS', claim) == 1 then
  return redis.call('LRANGE', claim, 0, -1)
end
local taken = {}

-- As many attempts as may be under way to the endpoint; see `EndpointHealth::concurrency`.
local function concurrency(pace, successes)
  if pace > 0 then
    return 1
  end
  return math.max(1, math.min(successes + untried, most))
end

-- Until when nothing more is taken after so many were; see `EndpointHealth::hold_after`.
local function hold_after(hold, pace, taken)
  if spacing > 0 then
    hold = math.max(hold, now - most * spacing) + taken * spacing
  end
  if pace > 0 then
    hold = math.max(hold, now + pace)
  end
  return hold
end

for _ = 1, tonumber(arg()) do
  local q = { queue = key(), health = key(), endpoint = arg() }
  local claimed, wanted = key(), tonumber(arg())
  -- One that was paused, disabled or deleted since the caller looked is not in line any more.
  if redis.call('ZSCORE', shard.due, q.endpoint) then
    redis.call('ZREMRANGEBYSCORE', claimed, '-inf', now)
    local health = redis.call('HMGET', q.health, 'pace_ms', 'successes', 'hold_until')
    local pace, hold = tonumber(health[1] or 0), tonumber(health[3] or 0)
    local can, busy = concurrency(pace, tonumber(health[2] or 0)), redis.call('ZCARD', claimed)
    local room = math.min(wanted, can - busy)
    local due = {}
    if room > 0 and hold <= now then
      due = redis.call('ZRANGEBYSCORE', q.queue, '-inf', now, 'WITHSCORES', 'LIMIT', 0, room)
    end
    for i = 1, #due, 2 do
      local id = due[i]
      redis.call('ZADD', q.queue, till, id)
      redis.call('ZADD', claimed, till, id .. '.' .. token)
      redis.call('HSET', claims, id, token)
      taken[#taken + 1] = q.endpoint
      taken[#taken + 1] = id
      taken[#taken + 1] = number(tonumber(due[i + 1]))
    end
    if #due > 0 and (spacing > 0 or pace > 0) then
      redis.call('HSET', q.health, 'hold_until', number(hold_after(hold, pace, #due / 2)))
    end
    local first_end = redis.call('ZRANGE', claimed, 0, 0, 'WITHSCORES')[2]
    if first_end and busy + #due / 2 >= can then
      redis.call('HSET', q.health, 'full_until', number(tonumber(first_end)))
    else
      redis.call('HDEL', q.health, 'full_until')
    end
    show(shard, q)
  end
end
if #taken > 0 then
  redis.call('RPUSH', claim, unpack(taken))
  redis.call('PEXPIRE', claim, kept_ms)
end
return taken
