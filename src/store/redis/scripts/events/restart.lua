-- Starts those of some deliveries anew that have ended, failed where only these are wanted, and whose endpoint takes them.
-- KEYS: due, queued, claims, finished; per delivery: delivery, queue, endpoint, health
-- ARGV: now, 1 for only those that have failed, number of deliveries; per delivery: id, endpoint's id
-- Returns how many were started anew.
local shard = {}
shard.due, shard.queued, shard.claims, shard.finished = key(), key(), key(), key()
local now, only_failed = arg(), arg() == '1'
local restarted = 0
for _ = 1, tonumber(arg()) do
  local d = {}
  d.delivery, d.queue = key(), key()
  local endpoint = key()
  d.health = key()
  d.id, d.endpoint = arg(), arg()
  local state = redis.call('HGET', d.delivery, 'state')
  local status = redis.call('HGET', endpoint, 'status')
  local is_wanted = state and state ~= 'pending' and (state == 'failed' or not only_failed)
  if is_wanted and status and status ~= 'disabled' then
    d.active = status == 'active'
    restart(shard, d, now)
    restarted = restarted + 1
  end
end
return restarted
