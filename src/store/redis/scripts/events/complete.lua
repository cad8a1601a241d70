-- Logs an attempt, ends or reschedules its delivery and notes how its endpoint fares, unless the claim was lost or the
-- delivery is gone.
-- KEYS: delivery, attempts, queue, endpoint, roster, due, queued, claims, finished, gone, health, claimed, notices,
--   notice of the delivery's end, notice of the endpoint's
-- ARGV: id, endpoint's id, token of the claim, the attempt, most attempts kept, 'succeeded', 'failed', 'retry' or
--   'disable', when to try again, now, reason of a disabling, the roster's new revision then, 'well', 'failed' or 'none',
--   until when the endpoint is held off, milliseconds between attempts to it, since when it must have failed to be disabled
--   for that, for what reason then, most successes that count, least milliseconds between attempts, most notices, account,
--   id of the notice of the delivery's end, empty where nobody is told, of that of the endpoint's, what went wrong, where
--   the attempt went
-- Empty where there is no such time.
-- Returns 0 when nothing was done, 2 when the endpoint was disabled, else 1.
local shard, d = {}, {}
d.delivery = key()
local attempts = key()
d.queue = key()
local endpoint, roster = key(), key()
shard.due, shard.queued, shard.claims, shard.finished = key(), key(), key(), key()
local gone = key()
d.health = key()
local claimed, notices, end_notice, endpoint_notice = key(), key(), key(), key()
d.id, d.endpoint = arg(), arg()
local token, attempt, kept, what, again_at, now, reason, revision =
  arg(), arg(), tonumber(arg()), arg(), arg(), arg(), arg(), arg()
local effect, hold, pace, since, since_reason = arg(), tonumber(arg()), tonumber(arg()), tonumber(arg()), arg()
local most_successes, least_pace, most_notices = tonumber(arg()), tonumber(arg()), tonumber(arg())
local account, end_id, endpoint_id, failure, url = arg(), arg(), arg(), arg(), arg()
local there = redis.call('HMGET', endpoint, 'status', 'url')
local status = there[1]
if there[2] and there[2] ~= url then
  -- The endpoint leads elsewhere by now: what answered says nothing of the receiver that it has now.
  effect = 'none'
  if what == 'disable' then
    what, again_at = 'retry', now
  end
end

-- Merges the effect into what is known by now; see `EndpointHealth::after`. True when the endpoint failed for too long.
local function fare()
  local known = redis.call('HMGET', d.health, 'failures', 'failing_since', 'hold_until', 'pace_ms', 'successes')
  local failures, failing_since = tonumber(known[1] or 0), tonumber(known[2] or now)
  local held, paced, successes = tonumber(known[3] or 0), tonumber(known[4] or 0), tonumber(known[5] or 0)
  if effect == 'well' then
    paced = math.floor(paced / 2)
    if paced < least_pace then
      paced = 0
    end
    redis.call('HSET', d.health, 'failures', 0, 'pace_ms', number(paced), 'successes',
      number(math.min(successes + 1, most_successes)))
    redis.call('HDEL', d.health, 'failing_since')
  elseif effect == 'failed' then
    failing_since = math.min(failing_since, tonumber(now))
    redis.call('HSET', d.health, 'failures', number(failures + 1), 'failing_since', number(failing_since), 'pace_ms',
      number(math.max(paced, pace)), 'successes', number(math.floor(successes / 2)))
    if hold and hold > held then
      redis.call('HSET', d.health, 'hold_until', number(hold))
    end
    return since and failing_since <= since
  end
  return false
end

-- Further ones than may wait are lost.
local function notify(notice, id, kind, details)
  if redis.call('ZCARD', notices) < most_notices then
    redis.call('HSET', notice, 'account', account, 'kind', kind, 'at', now, 'details', cjson.encode(details))
    redis.call('ZADD', notices, now, id)
  end
end

-- The place is free, whoever has the delivery by now.
if redis.call('ZREM', claimed, d.id .. '.' .. token) == 1 then
  redis.call('HDEL', d.health, 'full_until')
end
if redis.call('HGET', shard.claims, d.id) ~= token or redis.call('HGET', d.delivery, 'state') ~= 'pending' then
  if status == 'active' then
    show(shard, d)
  end
  return 0
end
redis.call('HINCRBY', d.delivery, 'attempts', 1)
redis.call('RPUSH', attempts, attempt)
redis.call('LTRIM', attempts, -kept, -1)
if what == 'retry' then
  redis.call('HSET', d.delivery, 'next_attempt_at', again_at)
  redis.call('HDEL', shard.claims, d.id)
  redis.call('ZADD', d.queue, again_at, d.id)
elseif what == 'succeeded' then
  finish(shard, d, 'succeeded', now)
else
  if what == 'failed' and end_id ~= '' then
    local known = redis.call('HMGET', d.delivery, 'event', 'type')
    notify(end_notice, end_id, 'delivery.exhausted', {
      delivery_id = d.id, webhook_id = d.endpoint, event_id = known[1], event_type = known[2], error = failure,
    })
  end
  finish(shard, d, 'failed', now)
end
if status and fare() and what ~= 'disable' then
  what, reason = 'disable', since_reason
end
if what == 'disable' then
  local is_first = status and status ~= 'disabled'
  if is_first then
    -- The first reason stays.
    redis.call('HSET', endpoint, 'status', 'disabled', 'disabled_reason', reason)
    redis.call('HINCRBY', endpoint, 'revision', 1)
    redis.call('HSET', roster, 'revision', revision, d.endpoint, 'disabled')
    notify(endpoint_notice, endpoint_id, 'endpoint.disabled', {
      webhook_id = d.endpoint, url = redis.call('HGET', endpoint, 'url'), reason = reason,
    })
  end
  redis.call('ZREM', shard.due, d.endpoint)
  if redis.call('EXISTS', d.queue) == 1 then
    redis.call('SADD', gone, d.endpoint)
  end
  return is_first and 2 or 1
end
if status == 'active' then
  show(shard, d)
end
return 1
