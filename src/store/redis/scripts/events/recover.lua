-- Makes deliveries of some events to one endpoint, or starts those anew that it has and that have ended without success.
-- KEYS: erasing, endpoint, queue, sent, health, due, queued, deliveries, claims, finished; per event: event, targets,
--   delivery
-- ARGV: account, endpoint's id, the revision that it must have, now, number of events; per event: id, delivery's id, 1 where
--   that is there already
-- Returns how many were made or started anew; nothing, and does nothing, when the endpoint has another revision.
local shard = {}
local erasing, endpoint, queue, sent, health = key(), key(), key(), key(), key()
shard.due, shard.queued, shard.deliveries, shard.claims, shard.finished = key(), key(), key(), key(), key()
local account, endpoint_id, revision, now = arg(), arg(), arg(), arg()
local known = redis.call('HMGET', endpoint, 'revision', 'status')
if known[1] ~= revision then
  return false
end
if redis.call('GET', erasing) == 'erasing' then
  return 0
end
local recovered = 0
for _ = 1, tonumber(arg()) do
  local event, targets = key(), key()
  local d = { delivery = key(), queue = queue, sent = sent, health = health, endpoint = endpoint_id }
  d.active = known[2] == 'active'
  local id = arg()
  d.id = arg()
  local is_there = arg() == '1'
  local of = redis.call('HMGET', event, 'account', 'state', 'type')
  if of[1] == account and of[2] == 'released' then
    if is_there then
      local state = redis.call('HGET', d.delivery, 'state')
      if state == 'failed' or state == 'cancelled' then
        restart(shard, d, now)
        recovered = recovered + 1
      end
    elseif make(shard, d, targets, id, account, of[3], now) or redis.call('HGET', targets, endpoint_id) == d.id then
      -- One with this id was made by this call, which may come twice.
      recovered = recovered + 1
    end
  end
end
return recovered
