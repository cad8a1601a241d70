-- Claims an Idempotency-Key, or joins a claim of the same slot. KEYS: the index entry. ARGV: this change's id, the tag of
-- its slot, ms to keep it. Returns the claim that holds: "<id of the change that claimed> <tag of its slot>".
local there = redis.call('GET', KEYS[1])
local ttl = tonumber(ARGV[3])
if there then
  if string.match(there, '^%S+ (.*)$') ~= ARGV[2] then
    return there
  end
  ttl = math.max(ttl, redis.call('PTTL', KEYS[1]))
end
local claim = there or (ARGV[1] .. ' ' .. ARGV[2])
redis.call('SET', KEYS[1], claim, 'PX', string.format('%.0f', ttl))
return claim
